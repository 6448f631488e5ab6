"""Transactional outbox: a row is written together with the change that asks for it, and sent later, with retries.

Delivery is at least once: a worker that dies between the receiver's answer and our commit sends again, so each message
carries an id that stays the same.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import DefaultNow
from models.queues.leased_queue import IS_DUE, Lease, LeasedQueue, LeasedQueueMixin, QueuePolicy

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
    requeued: str = "attempt = 0, not_before = now(), give_up_at = now() + interval '1 day'"
    is_expired: str = "done_at < now() - make_interval(days => :days)"
