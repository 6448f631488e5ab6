"""Share links by mail: queued with the share, derived when the mail is rendered, and not sent after it ended."""

import dataclasses
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.share import Share
from models.catalog.asset import Asset
from models.catalog.history import History
from models.core.sessions import make_engine, make_sessions
from models.queues.outbox import Mail
from services.catalog.assets.assets import create_empty_asset
from services.core.signing_key import SigningKey
from services.mails.shares import compose_share_mail
from services.objects.objects import find_object
from services.outbound.config import NO_OUTBOUND, OutboundConfig
from services.outbound.mail_queue import CannotComposeMail, MailRequest
from services.outbound.smtp import MailServer
from services.shares.links import build_share_link
from services.shares.recipients import hand_out_links, load_recipients, queue_link_mail_again, queue_link_mails
from services.shares.shares import ShareInput, create_share

KEY, SYSTEM, URL = (
    SigningKey(b"the key of the letters' test alone, long"),
    Actor("Ada", is_admin=True),
    "https://m.example",
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        yield session
    engine.dispose()


@pytest.fixture
def outside() -> OutboundConfig:
    return OutboundConfig(MailServer.parse("smtp+plain://localhost", "tapeless@example.org", None), URL, (), KEY)


def shared(session: Session, **more: object) -> Share:
    asset = create_empty_asset(session, Asset(title="clip"), SYSTEM)
    return create_share(
        session, SYSTEM, "assets", asset.id, ShareInput(frozenset(), emails=["ann@example.org"], **more)
    )  # type: ignore[arg-type]


def addressed(mail: Mail, key: SigningKey | None = KEY) -> MailRequest:
    return MailRequest(mail.id, mail.recipient, mail.arguments, URL, key)


def test_the_row_holds_no_link_and_the_letter_does(session: Session, outside: OutboundConfig) -> None:
    share, notified = shared(session, message="have a look", password_hash="x"), []
    (user,) = load_recipients(session, [share.id])[share.id]
    queue_link_mails(session, outside, [user], SYSTEM, lambda task, _ids: notified.append(task))
    mail = session.scalars(select(Mail)).one()
    assert notified == ["maintenance.mail"]
    assert mail.arguments == {"share_user_id": str(user.id)}
    letter = compose_share_mail(session, addressed(mail))
    assert letter is not None
    assert build_share_link(KEY, URL, user.id, 1) in letter.text
    assert "have a look" in letter.text
    assert "password" in letter.text
    with pytest.raises(CannotComposeMail):
        compose_share_mail(session, addressed(mail, None))


@pytest.mark.parametrize(
    "ending",
    ["revoked_at = now()", "expires = now() - interval '1 second'", "created_by = gen_random_uuid()"],
    ids=["revoked", "expired", "its maker is gone"],
)
def test_a_letter_of_a_share_that_ended_is_not_written(session: Session, outside: OutboundConfig, ending: str) -> None:
    share = shared(session)
    (user,) = load_recipients(session, [share.id])[share.id]
    queue_link_mails(session, outside, [user], SYSTEM, lambda *_: None)
    session.execute(text(f"UPDATE share SET {ending}"))
    assert compose_share_mail(session, addressed(session.scalars(select(Mail)).one())) is None


def test_what_is_missing_to_mail_a_link_is_in_history_and_nothing_waits(
    session: Session, outside: OutboundConfig
) -> None:
    share = shared(session)
    users = load_recipients(session, [share.id])[share.id]
    found = find_object(session, SYSTEM, "assets", share.object_id)
    for config in (NO_OUTBOUND, dataclasses.replace(outside, public_url=None)):
        shown = hand_out_links(session, config, found, users, SYSTEM, lambda *_: None)
        assert shown == {user.id for user in users}
    assert session.scalars(select(Mail)).all() == []
    told = session.scalars(
        select(History.operation_description).where(History.operation_description.contains("was shown to"))
    ).all()
    assert sorted(text.rpartition(": ")[2] for text in told) == ["no mail server is set", "no public URL is set"]


def test_a_link_is_sent_again_to_recipients_alone(session: Session, outside: OutboundConfig) -> None:
    share = shared(session)
    for share_id, email in ((share.id, "eve@example.org"), (share.id, ""), (uuid4(), "ann@example.org")):
        queue_link_mail_again(session, outside, share_id, email, lambda *_: None)
    assert session.scalars(select(Mail)).all() == []
    queue_link_mail_again(session, outside, share.id, "Ann@example.org", lambda *_: None)
    assert [mail.recipient for mail in session.scalars(select(Mail))] == ["ann@example.org"]
