"""Mails about approvals and failures, from the request to a real mail server: who gets which, and who gets none."""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, text

from models.access.acl import Actor, ShareRight
from models.access.user import User, UserGroup
from models.catalog.approval import VoteStatus
from models.catalog.asset import Asset
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.outbox import Mail
from services.access.users import add_member, create_group, create_user, update_user
from services.approvals.requests import ApprovalSpec, request_approval, update_request, withdraw_request
from services.approvals.votes import cast_vote, set_approvals
from services.catalog.assets.assets import create_empty_asset
from services.core.actors import SETUP_ACTOR
from services.core.signing_key import SigningKey
from services.jobs.jobs import add_job
from services.mails.failures import queue_failure_digest
from services.mails.kinds import make_mail_kinds
from services.objects.objects import ObjectRef, find_object
from services.outbound.config import OutboundConfig
from services.outbound.mail_queue import queue_mail
from services.outbound.mail_sender import send_mails
from services.outbound.smtp import MailServer
from services.shares.shares import ShareInput, create_share
from tests.services.mail_server import Mailbox, mail_server

URL = "https://media.example.org"
KEY = SigningKey(b"the key of the tests of notices, long")


@dataclass
class House:
    """An administrator who asks, and a reviewer, with a mail server."""

    sessions: Sessions
    box: Mailbox
    ada: Actor
    rita: Actor
    own_folders: dict[str, Path] = field(default_factory=dict)

    def make_user(self, name: str, **more: object) -> Actor:
        with self.sessions.begin() as session:
            new = create_user(session, User(email=f"{name}@example.org", first_name=name, is_admin=True), SETUP_ACTOR)
            if more:
                update_user(session, new.id, dict(more), SETUP_ACTOR)
        return Actor(name, new.id, is_admin=True)

    def make_asset(self, title: str = "Shot 1") -> ObjectRef:
        with self.sessions.begin() as session:
            made = create_empty_asset(session, Asset(title=title), self.ada)
            return find_object(session, self.ada, "assets", made.id)

    def ask(self, found: ObjectRef, *users: Actor, **more: object) -> None:
        with self.sessions.begin() as session:
            ids = [each.user_id for each in users if each.user_id is not None]
            request_approval(session, found, ApprovalSpec(users=ids, **more), self.ada)  # type: ignore[arg-type]

    def vote(self, found: ObjectRef, actor: Actor, status: VoteStatus = VoteStatus.APPROVED) -> None:
        with self.sessions.begin() as session:
            cast_vote(session, found, status, actor)

    def deliver(self) -> list[tuple[str, str]]:
        """Let the time of the notices come, send them, and return whom each was sent to, with its subject."""
        with self.sessions.begin() as session:
            session.execute(text("UPDATE mail SET not_before = now()"))
        self.box.messages.clear()
        self.box.recipients.clear()
        server = MailServer.parse(f"smtp+plain://127.0.0.1:{self.box.port}", "tapeless@example.org", None)
        send_mails(self.sessions, Timing(), OutboundConfig(server, URL, (), KEY), make_mail_kinds(self.own_folders))
        return list(zip(self.box.recipients, self.box.subjects(), strict=True))


@pytest.fixture
def house(sessions: Sessions) -> Iterator[House]:
    with mail_server() as box:
        made = House(sessions, box, SETUP_ACTOR, SETUP_ACTOR)
        made.ada, made.rita = made.make_user("ada"), made.make_user("rita")
        yield made


def test_a_reviewer_is_asked_once_for_all_that_came_together_and_the_requester_hears_the_decision(
    house: House,
) -> None:
    shots = [house.make_asset(f"Shot {number}") for number in range(3)]
    for shot in shots:
        house.ask(shot, house.rita, house.ada)
    assert house.deliver() == [("rita@example.org", "ada asks for your approval of 3 objects")]
    house.vote(shots[0], house.rita)
    assert house.deliver() == [("ada@example.org", 'Approved: "Shot 0"')]
    house.vote(shots[0], house.ada, VoteStatus.NOT_APPROVED)  # the requester's own vote is no news to it
    assert house.deliver() == []


def test_externals_get_their_own_link_and_groups_are_asked_member_by_member(house: House) -> None:
    shot = house.make_asset()
    with house.sessions.begin() as session:
        right = frozenset({ShareRight.SETTING_APPROVE_STATUS})
        create_share(session, house.ada, "assets", shot.id, ShareInput(right, emails=["eve@client.example"]))
        group = create_group(session, "Colour", SETUP_ACTOR)
        assert isinstance(group, UserGroup)
        add_member(session, group.id, house.rita.user_id or uuid.uuid4(), SETUP_ACTOR)
    house.ask(shot, groups=[group.id], externals=["Eve@client.example", "carl@client.example", "no address@x"])
    sent = house.deliver()
    assert sorted(address for address, _ in sent) == ["carl@client.example", "eve@client.example", "rita@example.org"]
    texts = {message["To"]: message.get_content() for message in house.box.messages}
    assert f"{URL}/share/" in texts["eve@client.example"]
    assert "you need a share link" in texts["carl@client.example"]
    assert f"{URL}/share/" not in texts["carl@client.example"]


@pytest.mark.parametrize("change", ["withdrawn", "voted", "opted out", "blocked", "deleted"])
def test_what_ended_before_the_mail_was_sent_is_in_none(house: House, change: str) -> None:
    shot = house.make_asset()
    house.ask(shot, house.rita)
    with house.sessions.begin() as session:
        match change:
            case "withdrawn":
                withdraw_request(session, shot, house.ada)
            case "voted":
                cast_vote(session, shot, VoteStatus.APPROVED, house.rita)
            case "deleted":
                session.execute(text("UPDATE asset SET status = 'DELETED'"))
            case _:
                changes = {"email_notifications": False} if change == "opted out" else {"status": "BLOCKED"}
                update_user(session, house.rita.user_id or uuid.uuid4(), dict(changes), SETUP_ACTOR)
    assert [each for each in house.deliver() if each[0] == "rita@example.org"] == []


def test_a_changed_request_asks_only_who_is_new_and_a_repeated_one_asks_all_again(house: House) -> None:
    shot, otto = house.make_asset(), house.make_user("otto")
    house.ask(shot, house.rita)
    house.deliver()
    with house.sessions.begin() as session:
        update_request(session, shot, {"users": [house.rita.user_id, otto.user_id]}, house.ada)
    assert [address for address, _ in house.deliver()] == ["otto@example.org"]
    house.ask(shot, house.rita, otto)
    assert sorted(address for address, _ in house.deliver()) == ["otto@example.org", "rita@example.org"]


def test_votes_on_many_objects_are_one_mail_to_each_requester(house: House) -> None:
    shots = [house.make_asset(f"Shot {number}") for number in range(2)]
    for shot in shots:
        house.ask(shot, house.rita)
    house.deliver()
    with house.sessions.begin() as session:
        set_approvals(session, shots, VoteStatus.NOT_APPROVED, house.rita)
    assert house.deliver() == [("ada@example.org", "Not approved: 2 objects")]


def test_without_a_mail_server_notices_end_quietly_and_a_test_mail_does_not(house: House) -> None:
    house.ask(house.make_asset(), house.rita)
    with house.sessions.begin() as session:
        queue_mail(session, "test", "ann@example.org", {})
        session.execute(text("UPDATE mail SET not_before = now()"))
    send_mails(house.sessions, Timing(), OutboundConfig(), make_mail_kinds({}))
    with house.sessions() as session:
        rows = {row.kind: row for row in session.scalars(select(Mail))}
    assert {kind: row.dead_lettered_at is not None for kind, row in rows.items()} == {
        "approval_asked": False,
        "test": True,
    }
    assert rows["approval_asked"].error == "not sent: no mail server is set"


def test_administrators_get_a_digest_once_a_day_and_only_of_something_new(house: House) -> None:
    house.make_user("otto", email_notifications=False)
    former = house.make_user("fay")
    with house.sessions.begin() as session:
        assert queue_failure_digest(session, {}) == 0
        add_job(session, "transcode.run", "TRANSCODE", "Transcode C0001 to web", house.ada)
        session.execute(text("UPDATE job SET status = 'FAILED', completed_at = now(), error_message = 'no space left'"))
    with house.sessions.begin() as session:
        assert queue_failure_digest(session, {}) == 3
        assert queue_failure_digest(session, {}) == 0
    with house.sessions.begin() as session:
        update_user(session, former.user_id, {"is_admin": False}, SETUP_ACTOR)
    assert sorted(house.deliver()) == [
        (f"{name}@example.org", "Tapeless: 1 job failed in the last day") for name in ("ada", "rita")
    ]
    assert "- Transcode C0001 to web\r\n  no space left" in house.box.messages[0].get_content()
    with house.sessions.begin() as session:
        session.execute(text("UPDATE mail SET date_created = now() - interval '25 hours'"))
        session.execute(text("UPDATE job SET completed_at = now() - interval '26 hours'"))
        assert queue_failure_digest(session, {}) == 0


def test_a_disk_that_is_almost_full_is_in_the_digest_also_alone(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.own_folders = {"data": tmp_path}
    with house.sessions.begin() as session:
        assert queue_failure_digest(session, house.own_folders) == 0
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024**3))
        assert queue_failure_digest(session, house.own_folders) == 2
    said = "the disk of the data folder has 1.0 GiB left"
    assert [subject for _, subject in house.deliver()] == [f"Tapeless: {said}"] * 2
    assert f"- data folder\r\n  {said}" in house.box.messages[0].get_content()
