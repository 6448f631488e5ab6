"""Webhooks: events are written in the change's transaction, signed, sent to allowed addresses, and retried."""

import ipaddress
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from models.access.acl import AclEntry, Actor, PrincipalKind
from models.access.user import User
from models.catalog.asset import Asset, AssetStatus, Format, FormatRole
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job
from models.queues.outbox import DELIVERY_QUEUE, Event, Webhook, WebhookDelivery, create_deliveries
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from services.core.errors import PermissionDenied, ValidationFailed
from services.outbound.config import OutboundConfig
from services.outbound.webhook_http import sign_webhook
from services.outbound.webhook_sender import send_webhooks
from services.outbound.webhooks import (
    STOPPED_WEBHOOK_REASON,
    create_webhook,
    delete_webhook,
    describe_webhook_error,
    rotate_webhook_secret,
    update_webhook,
)
from tests.services.webhook_receiver import Target, webhook_target

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
OUTSIDE = OutboundConfig(webhook_networks=LOOPBACK)
TIMING = Timing()


@pytest.fixture
def target() -> Iterator[Target]:
    with webhook_target() as target:
        yield target


def hook(sessions: Sessions, target: Target, event_type: str = "assets", **values: Any) -> Webhook:
    """A webhook that an administrator made."""
    wanted = {"name": "MAM", "url": target.url(), "event_type": event_type, **values}
    with sessions.begin() as session:
        return create_webhook(session, wanted, LOOPBACK, SETUP_ACTOR)


def make_asset(sessions: Sessions, title: str = "clip") -> uuid.UUID:
    with sessions.begin() as session:
        asset = Asset(id=new_id(), title=title)
        session.add(asset)
        return asset.id


def change(sessions: Sessions, asset_id: uuid.UUID, **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == asset_id).values(**values))


def tell(sessions: Sessions, outside: OutboundConfig = OUTSIDE, timing: Timing = TIMING) -> int:
    return send_webhooks(sessions, timing, outside)


def deliveries(sessions: Sessions) -> Sequence[WebhookDelivery]:
    with sessions() as session:
        return session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()


def end_rest(sessions: Sessions) -> None:
    """Let the time after a failure pass."""
    with sessions.begin() as session:
        session.execute(text("UPDATE webhook SET resting_until = NULL"))
        session.execute(text("UPDATE webhook_delivery SET not_before = now() WHERE done_at IS NULL"))


def test_an_asset_s_life_is_told_in_its_words(sessions: Sessions, target: Target) -> None:
    webhook = hook(sessions, target)
    asset = make_asset(sessions)
    change(sessions, asset, title="better")
    change(sessions, asset, date_modified=func.now())
    change(sessions, asset, status=AssetStatus.DELETED)
    change(sessions, asset, title="nobody sees it")
    change(sessions, asset, status=AssetStatus.ACTIVE)
    assert tell(sessions) == 4
    assert [operation for _, _, operation in target.operations()] == ["create", "update", "delete", "update"]
    told = target.heard[0].told
    assert (told["object_id"], told["webhook_id"], told["event_type"]) == (str(asset), str(webhook.id), "assets")
    assert set(told) == {"id", "webhook_id", "event_type", "realm", "operation", "object_id", "date"}
    assert target.heard[0].path == "/hook?x=1"


def test_what_waits_longest_is_sent_first_whosever_it_is(sessions: Sessions, target: Target) -> None:
    hooks = [hook(sessions, target).id for _ in range(3)]
    make_asset(sessions)
    transact(sessions, create_deliveries)
    for waits, webhook_id in enumerate(hooks):
        since = func.now() - timedelta(minutes=1 + waits)
        with sessions.begin() as session:
            session.execute(
                update(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id).values(not_before=since)
            )
    order = []
    for _ in hooks:
        (held,) = transact(sessions, lambda session: DELIVERY_QUEUE.claim(session, TIMING, 1))
        with sessions() as session:
            order.append(session.get_one(WebhookDelivery, held.id).webhook_id)
    assert order == hooks[::-1]


def test_asking_whether_something_is_due_locks_nothing(sessions: Sessions, target: Target) -> None:
    hook(sessions, target)
    make_asset(sessions)
    transact(sessions, create_deliveries)
    with sessions() as asking:
        assert DELIVERY_QUEUE.is_waiting(asking)
        assert len(transact(sessions, lambda session: DELIVERY_QUEUE.claim(session, TIMING, 1))) == 1


def test_what_one_transaction_does_to_an_object_is_told_once(sessions: Sessions, target: Target) -> None:
    hook(sessions, target)
    with sessions.begin() as session:
        session.add(asset := Asset(id=new_id(), title="a"))
        for title in ("b", "c"):
            session.flush()
            asset.title = title
    with sessions.begin() as session:
        for title in ("d", "e"):
            session.execute(update(Asset).values(title=title))
    tell(sessions)
    assert [operation for _, _, operation in target.operations()] == ["create", "update"]


def test_a_change_that_was_undone_is_never_told(sessions: Sessions, target: Target) -> None:
    hook(sessions, target)
    with sessions() as session:
        session.add(Asset(id=new_id(), title="a"))
        session.flush()
        session.rollback()
    assert tell(sessions) == 0


def test_while_nobody_wants_to_hear_nothing_is_written(sessions: Sessions, target: Target) -> None:
    make_asset(sessions)
    webhook = hook(sessions, target, "jobs")
    make_asset(sessions)
    with sessions.begin() as session:
        update_webhook(session, webhook.id, {"status": "DISABLED"}, LOOPBACK, SETUP_ACTOR)
        session.add(Job(id=new_id(), type="CUSTOM", title="j"))
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 0
        assert not DELIVERY_QUEUE.is_waiting(session)


def test_what_hangs_on_an_object_is_told_as_its_update_in_a_realm(sessions: Sessions, target: Target) -> None:
    hook(sessions, target)
    hook(sessions, target, "formats")
    asset = make_asset(sessions)
    with sessions.begin() as session:
        entry = AclEntry(object_id=asset, object_type="assets", principal_id=new_id(), permissions=["read"])
        entry.principal_kind = PrincipalKind.USER
        session.add(entry)
        part = Format(id=new_id(), asset_id=asset, version_id=asset, name="ORIGINAL", role=FormatRole.ORIGINAL)
        part.structure = "single"
        session.add(part)
    tell(sessions)
    assert sorted(target.operations()) == [
        ("assets", "acls", "update"),
        ("assets", "entity", "create"),
        ("formats", "entity", "create"),
    ]


def test_a_webhook_hears_what_it_asked_for_alone(sessions: Sessions, target: Target) -> None:
    asset = make_asset(sessions)
    hook(sessions, target, operation="update", object_id=asset)
    make_asset(sessions)
    change(sessions, make_asset(sessions), title="other")
    change(sessions, asset, title="mine")
    tell(sessions)
    assert [(each.told["operation"], each.told["object_id"]) for each in target.heard] == [("update", str(asset))]


def test_a_flood_is_one_statement_and_all_of_it_is_told(sessions: Sessions, target: Target) -> None:
    hook(sessions, target)
    with sessions.begin() as session:
        session.add_all([Asset(id=new_id(), title=str(number)) for number in range(25)])
    while len(target.heard) < 25:
        assert tell(sessions) > 0
    assert len({each.told["object_id"] for each in target.heard}) == 25


def test_each_try_is_signed_with_its_own_time_under_one_id(sessions: Sessions, target: Target) -> None:
    webhook = hook(sessions, target, headers={"X-Key": "theirs"})
    make_asset(sessions)
    target.status = 500
    tell(sessions)
    target.status = 200
    end_rest(sessions)
    tell(sessions)
    first, second = target.heard
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.told["id"]
    for each in (first, second):
        moment = int(each.headers["webhook-timestamp"])
        assert each.headers["webhook-signature"] == sign_webhook(webhook.secret, each.told["id"], moment, each.body)
        assert each.headers["x-key"] == "theirs"
        assert each.headers["content-type"] == "application/json"


def test_a_delivery_that_fails_is_tried_again_and_the_webhook_rests_meanwhile(
    sessions: Sessions, target: Target
) -> None:
    hook(sessions, target)
    make_asset(sessions)
    make_asset(sessions)
    target.status = 503
    assert tell(sessions) == 0
    assert len(target.heard) == 1
    tried, untried = deliveries(sessions)
    assert (tried.attempt, tried.answer, tried.error) == (1, 503, "answered 503")
    assert (untried.attempt, untried.error, untried.lease_until) == (0, None, None)
    with sessions() as session:
        webhook = session.scalars(select(Webhook)).one()
        assert (webhook.failures, webhook.last_error) == (1, "answered 503")
        assert not DELIVERY_QUEUE.is_waiting(session)
    target.status = 200
    end_rest(sessions)
    assert tell(sessions) == 2
    with sessions() as session:
        webhook = session.scalars(select(Webhook)).one()
        assert (webhook.failures, webhook.last_error, webhook.first_failed_at) == (0, None, None)


def test_a_delivery_that_fails_for_a_day_is_parked_until_a_person_retries_it(
    sessions: Sessions, target: Target
) -> None:
    hook(sessions, target)
    make_asset(sessions)
    with sessions.begin() as session:
        session.execute(text("SELECT 1"))
    target.status = 500
    tell(sessions)
    with sessions.begin() as session:
        session.execute(update(WebhookDelivery).values(expires_at=func.now() + timedelta(seconds=5)))
    end_rest(sessions)
    tell(sessions)
    (delivery,) = deliveries(sessions)
    assert (delivery.dead_lettered_at is not None, delivery.error) == (True, "answered 500")
    target.status = 200
    with sessions.begin() as session:
        assert DELIVERY_QUEUE.requeue(session, [delivery.id]) == 1
    end_rest(sessions)
    assert tell(sessions) == 1


def test_a_webhook_that_does_not_answer_takes_no_time_of_the_others(sessions: Sessions, target: Target) -> None:
    with webhook_target() as slow:
        slow.hang = threading.Event()
        hook(sessions, slow)
        hook(sessions, target)
        for _ in range(5):
            make_asset(sessions)
        assert tell(sessions, timing=Timing(webhook_idle_seconds=0.3)) == 5
        assert (len(target.heard), len(slow.heard)) == (5, 1)
        slow.hang.set()


def test_a_redirect_is_not_followed(sessions: Sessions, target: Target) -> None:
    with webhook_target() as elsewhere:
        hook(sessions, target)
        make_asset(sessions)
        target.status, target.location = 307, elsewhere.url()
        tell(sessions)
        assert elsewhere.heard == []
    assert "redirects are not followed" in (deliveries(sessions)[0].error or "")


def test_a_private_address_is_reached_only_where_the_operator_allows_it(sessions: Sessions, target: Target) -> None:
    hook(sessions, target, url=target.url("localhost"))
    make_asset(sessions)
    assert tell(sessions, OutboundConfig()) == 0
    assert target.heard == []
    assert "TAPELESS_WEBHOOK_NETWORKS" in (deliveries(sessions)[0].error or "")
    end_rest(sessions)
    assert tell(sessions) == 1
    assert target.heard[0].headers["host"] == f"localhost:{target.port}"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"event_type": "weather"}, "event_type"),
        ({"realm": "contents"}, "realm"),
        ({"operation": "look"}, "operation"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"webhook-signature": "x"}}, "headers.webhook-signature"),
        ({"headers": {"X": "a\r\nb"}}, "headers.X"),
        ({"headers": {"X Y": "a"}}, "headers.X Y"),
        ({"url": "http://10.0.0.1/"}, "url"),
    ],
)
def test_a_webhook_that_reads_wrong_names_its_field(
    sessions: Sessions, target: Target, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        hook(sessions, target, **values)
    assert refused.value.field == field


def test_only_administrators_make_webhooks(sessions: Sessions, target: Target) -> None:
    with sessions() as session, pytest.raises(PermissionDenied):
        create_webhook(session, {"url": target.url(), "event_type": "assets"}, LOOPBACK, Actor("ann", new_id()))


@pytest.mark.parametrize("lost", [{"is_admin": False}, {"status": "BLOCKED"}, {"status": "DELETED"}])
def test_a_webhook_ends_with_the_right_of_its_administrator_until_another_one_saves_it(
    sessions: Sessions, target: Target, lost: dict[str, Any]
) -> None:
    with sessions.begin() as session:
        ada, eva = (
            Actor(
                name,
                create_user(session, User(email=f"{name}@example.org", is_admin=True), SETUP_ACTOR).id,
                is_admin=True,
            )
            for name in ("ada", "eva")
        )
        webhook = create_webhook(session, {"url": target.url(), "event_type": "assets"}, LOOPBACK, ada)
        assert not webhook.is_stopped
    make_asset(sessions)
    transact(sessions, create_deliveries)
    with sessions.begin() as session:
        session.execute(update(User).where(User.id == ada.user_id).values(**lost))
    make_asset(sessions)
    assert tell(sessions) == 0
    with sessions.begin() as session:
        assert not DELIVERY_QUEUE.is_waiting(session), "not even for the one that waited"
        assert describe_webhook_error(session.get_one(Webhook, webhook.id)) == STOPPED_WEBHOOK_REASON
        saved = update_webhook(session, webhook.id, {"status": "ENABLED"}, LOOPBACK, eva)
        assert (saved.created_by, describe_webhook_error(saved)) == (eva.user_id, None)
    make_asset(sessions)
    assert tell(sessions) == 2
    assert len(deliveries(sessions)) == 2, "what happened while it was stopped is not told"


def test_another_secret_signs_from_the_next_delivery_on(sessions: Sessions, target: Target) -> None:
    webhook = hook(sessions, target)
    with sessions.begin() as session:
        renewed = rotate_webhook_secret(session, webhook.id, SETUP_ACTOR).secret
    make_asset(sessions)
    tell(sessions)
    (heard,) = target.heard
    moment = int(heard.headers["webhook-timestamp"])
    assert heard.headers["webhook-signature"] == sign_webhook(renewed, heard.told["id"], moment, heard.body)
    assert renewed != webhook.secret


def test_a_removed_webhook_takes_what_it_had_not_told_with_it(sessions: Sessions, target: Target) -> None:
    webhook = hook(sessions, target)
    make_asset(sessions)
    with sessions.begin() as session:
        delete_webhook(session, webhook.id, SETUP_ACTOR)
    assert tell(sessions) == 0
    with sessions() as session:
        assert not DELIVERY_QUEUE.is_waiting(session)
