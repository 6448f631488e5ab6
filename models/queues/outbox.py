"""Transactional outbox: a row is written together with the change that asks for it, and sent later, with retries.

Delivery is at least once: a worker that dies between the receiver's answer and our commit sends again, so each message
carries an id that stays the same.

Mails hold recipient and subject matter, never a secret.
Webhooks are subscriptions of other systems. Triggers (`models/migrations/definitions/webhook_events.sql`) write an
`event` in the transaction of the change, only while an enabled webhook subscribes to its kind. A task turns events into
deliveries, one per subscribed webhook."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    insert,
    literal_column,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, column_property, mapped_column

from models.core.base import (
    Base,
    CreatedMixin,
    DefaultNow,
    IdMixin,
    Serial,
    TextEnum,
    TimestampsMixin,
    checked_text,
    new_id,
)
from models.queues.leased_queue import (
    IS_DUE,
    IS_UNLEASED,
    SKIP_LOCKED,
    Lease,
    LeasedQueue,
    LeasedQueueMixin,
    QueuePolicy,
)

IS_OUTBOX_DUE = "done_at IS NULL AND parked_at IS NULL"
IS_SENDABLE = f"done_at IS NULL AND {IS_DUE}"


class OutboxMixin(LeasedQueueMixin):
    """Columns that every outbox has beside its content."""

    expires_at: Mapped[datetime] = mapped_column("give_up_at", server_default=text("now() + interval '1 day'"))
    error: Mapped[str | None]
    done_at: Mapped[datetime | None]
    date_created: Mapped[DefaultNow]


def make_outbox_index(table: str) -> Index:
    """Build the index that a claim uses to find due rows; done and dead-lettered rows are not in it."""
    return Index(f"ix_{table}_due", "not_before", "id", postgresql_where=text(IS_OUTBOX_DUE))


def make_outbox_policy(batch: int) -> QueuePolicy:
    """Return the policy of an outbox: 10 s after the first failure, then three times longer each, at most an hour;
    about 28 tries until the row expires after a day."""
    return QueuePolicy(batch=batch, first_retry_seconds=10, backoff_factor=3, max_retry_seconds=3600)


@dataclass(frozen=True, eq=False, kw_only=True)
class Outbox(LeasedQueue[Lease]):
    """The leased queue of a table that has the columns of `OutboxMixin`."""

    celery_queue: str = "maintenance"
    lease: type[Lease] = Lease
    is_pending: str = IS_OUTBOX_DUE
    pending_since: str = "date_created"
    completed: str = "done_at = now(), error = reason"
    released: str = "attempt = attempt - 1"
    is_crashed: str = f"{IS_SENDABLE} AND attempt > 0 AND give_up_at < now()"
    crash_reason: str = "'its worker died ' || attempt || ' times while it was sent'"
    discarded: str = "done_at = now()"
    requeued: str = "attempt = 0, not_before = now(), give_up_at = now() + interval '1 day'"
    is_expired: str = "done_at < now() - make_interval(days => :days)"


MAIL_TASK = "maintenance.mail"
"""Task to notify after the commit; if that message is lost, beat notifies it."""


class Mail(OutboxMixin, IdMixin, Base):
    """One mail. Its text is rendered when it is sent, so that links with secrets are derived then and never stored."""

    __tablename__ = "mail"
    __table_args__ = (make_outbox_index("mail"),)

    kind: Mapped[str]
    """Kind of message: a key of the registry in `services/mails/kinds.py`."""
    recipient: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Ids and words for the template; no secrets."""
    created_by: Mapped[uuid.UUID | None]


UNKNOWN_KIND_REASON = "is no kind of mail that this version knows"
IS_REFUSED_MAIL = f"(parked_at IS NOT NULL AND right(error, {len(UNKNOWN_KIND_REASON)}) = '{UNKNOWN_KIND_REASON}')"
"""SQL condition: a worker of an earlier version, still running beside its successor, did not know the kind."""
MAIL_QUEUE = Outbox(
    table="mail",
    noun="mail",
    plural="mails",
    task=MAIL_TASK,
    title="work.kind || ' to ' || work.recipient",
    policy=make_outbox_policy(batch=20),
    candidates=f"SELECT id FROM mail WHERE {IS_SENDABLE} ORDER BY not_before, id LIMIT :most {SKIP_LOCKED}",
    waits=f"EXISTS (SELECT FROM mail WHERE {IS_SENDABLE} OR {IS_REFUSED_MAIL})",
)

# A claim skips the locked row until this transaction ends, so the mail is composed from what it committed.
POSTPONE_MAILS = text(f"""
    UPDATE mail SET not_before = least(
        date_created + make_interval(secs => :most), greatest(not_before, now() + make_interval(secs => :delay)))
    WHERE id IN (
        SELECT id FROM mail WHERE kind = :kind AND recipient = ANY(:recipients) AND {IS_OUTBOX_DUE}
            AND {IS_UNLEASED} AND not_before > now() - make_interval(secs => :most) {SKIP_LOCKED})
    RETURNING recipient
""")


def coalesce_mails(
    session: Session, kind: str, recipients: Sequence[str], delay_seconds: float, max_delay_seconds: float
) -> int:
    """Queue a mail for each address that has none of this kind waiting, and postpone those that wait; return how many
    are new. In two statements."""
    times = {"delay": delay_seconds, "most": max_delay_seconds}
    waiting = set(session.scalars(POSTPONE_MAILS, times | {"kind": kind, "recipients": list(recipients)}))
    rows = [{"id": new_id(), "kind": kind, "recipient": each} for each in recipients if each not in waiting]
    if rows:
        due = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, delay_seconds)
        session.execute(insert(Mail).values(not_before=due), rows)
    return len(rows)


WEBHOOK_TASK = "maintenance.webhooks"
MAX_EVENTS_PER_BATCH = 1000
MAX_DELIVERIES_PER_WEBHOOK = 10
"""Deliveries of one webhook in a batch, so that a busy webhook cannot starve the others."""


MAKER_ADMINISTERS = """(webhook.created_by IS NULL OR EXISTS (SELECT FROM user_account AS maker
    WHERE maker.id = webhook.created_by AND maker.is_admin AND maker.status = 'ACTIVE'))"""
"""SQL condition: who answers for a webhook (null: the command line) is still an active administrator."""
IS_LISTENING = f"webhook.status = 'ENABLED' AND {MAKER_ADMINISTERS}"


class WebhookStatus(TextEnum):
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class Webhook(TimestampsMixin, IdMixin, Base):
    """One subscription: which changes are sent to which URL. Null in `realm`, `operation` or `object_id` matches
    any."""

    __tablename__ = "webhook"

    name: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str]
    event_type: Mapped[str]
    realm: Mapped[str | None]
    operation: Mapped[str | None]
    object_id: Mapped[uuid.UUID | None]
    status: Mapped[WebhookStatus] = mapped_column(checked_text(WebhookStatus), server_default="ENABLED")
    secret: Mapped[bytes]
    """Key that signs each delivery, so it cannot be stored as a digest. Shown once, on creation."""
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Additional request headers; often credentials of the other system, so responses never show the values."""
    first_failed_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    """Consecutive failures."""
    backoff_until: Mapped[datetime | None] = mapped_column("resting_until")
    """Backoff after a failure: a target that does not respond must not take the time of others."""
    created_by: Mapped[uuid.UUID | None]
    """Administrator who answers for it: it reports on every object, so it sends only while that is one."""
    is_stopped: Mapped[bool] = column_property(literal_column(f"NOT {MAKER_ADMINISTERS}", Boolean).label("is_stopped"))
    """Whether it sends nothing because its administrator is none any more."""


class Event(CreatedMixin, Base):
    """Effect of one transaction on one object, deleted once its deliveries are created."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("told_by", "event_type", "realm", "operation", "object_id"),)

    id: Mapped[Serial]
    event_type: Mapped[str]
    realm: Mapped[str]
    operation: Mapped[str]
    object_id: Mapped[uuid.UUID]
    told_by: Mapped[int] = mapped_column(BigInteger)
    """Id of the transaction."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Ids and numbers that the delivery says beside the object's id; never names or values."""


class WebhookDelivery(OutboxMixin, IdMixin, Base):
    """One event for one webhook; its id stays the same over all retries."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_due", "webhook_id", "not_before", "id", postgresql_where=text(IS_OUTBOX_DUE)),
        Index(None, "webhook_id", "id"),
    )

    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    event_type: Mapped[str]
    realm: Mapped[str]
    operation: Mapped[str]
    object_id: Mapped[uuid.UUID]
    event_at: Mapped[datetime]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    answer: Mapped[int | None] = mapped_column(SmallInteger)
    """HTTP status of the last response, if any."""


SELECT_FAIR_DELIVERIES = f"""
    SELECT due.id FROM webhook CROSS JOIN LATERAL (
        SELECT id, not_before FROM webhook_delivery WHERE webhook_id = webhook.id AND {IS_SENDABLE}
        ORDER BY not_before, id LIMIT {MAX_DELIVERIES_PER_WEBHOOK} {{lock}}) AS due
    WHERE {IS_LISTENING} AND (webhook.resting_until IS NULL OR webhook.resting_until <= now())
    ORDER BY due.not_before, due.id LIMIT {{most}}
"""
DELIVERY_QUEUE = Outbox(
    table="webhook_delivery",
    noun="delivery",
    plural="deliveries",
    task=WEBHOOK_TASK,
    title="""work.event_type || ' ' || work.operation || ' for webhook '
        || coalesce(nullif(webhook.name, ''), CAST(webhook.id AS text))""",
    joins="JOIN webhook ON webhook.id = work.webhook_id",
    subject="work.event_type AS object_type, CAST(work.object_id AS text) AS object_id",
    policy=make_outbox_policy(batch=100),
    candidates=SELECT_FAIR_DELIVERIES.format(lock=SKIP_LOCKED, most=":most"),
    # Events that are not expanded yet are work of the same task.
    waits=f"EXISTS (SELECT FROM event) OR EXISTS ({SELECT_FAIR_DELIVERIES.format(lock='', most=1)})",
)

# Events are deleted and expanded in one transaction: lost by neither a crash nor a rollback. SKIP LOCKED lets several
# workers pop different events. LEFT JOIN keeps events without subscribers, so that they count as popped. A webhook gets
# no events older than itself.
POP_EVENTS = text(f"""
    WITH taken AS (
        DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING event.*)
    SELECT taken.*, webhook.id AS webhook_id FROM taken LEFT JOIN webhook ON {IS_LISTENING}
        AND webhook.event_type = taken.event_type
        AND (webhook.realm = taken.realm OR webhook.realm IS NULL AND taken.realm <> 'history')
        AND coalesce(webhook.operation, taken.operation) = taken.operation
        AND coalesce(webhook.object_id, taken.object_id) = taken.object_id
        AND webhook.date_created <= taken.date_created
    ORDER BY taken.id
""")


def create_deliveries(session: Session) -> int:
    """Create deliveries for some events, for each subscribed webhook; returns the number of events processed."""
    rows = session.execute(POP_EVENTS, {"most": MAX_EVENTS_PER_BATCH}).all()
    wanted = [
        {
            "id": new_id(),
            "webhook_id": row.webhook_id,
            "event_type": row.event_type,
            "realm": row.realm,
            "operation": row.operation,
            "object_id": row.object_id,
            "event_at": row.date_created,
            "details": row.details,
        }
        for row in rows
        if row.webhook_id is not None
    ]
    if wanted:
        session.execute(insert(WebhookDelivery), wanted)
    return len({row.id for row in rows})


def record_answer(session: Session, lease: Lease, answer: int | None) -> None:
    """Store the HTTP status of the last response, if any."""
    session.execute(update(WebhookDelivery).where(WebhookDelivery.id == lease.id).values(answer=answer))
