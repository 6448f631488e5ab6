"""Transactional outbox: a row is written together with the change that asks for it, and sent later, with retries.

1. A row is written in the transaction of the change.
2. It is claimed with a lease once `not_before` has passed, and sent with no transaction open.
3. Then it is done (`error` says so if it was obsolete and not sent), or gets a later `not_before`, or is dead-lettered
   with its reason if the next try would be after `expires_at`.
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import DefaultNow

IS_OUTBOX_DUE = "done_at IS NULL AND parked_at IS NULL"


class OutboxMixin:
    """Columns that every outbox has beside its content."""

    not_before: Mapped[DefaultNow]
    expires_at: Mapped[datetime] = mapped_column("give_up_at", server_default=text("now() + interval '1 day'"))
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    """Counted when the lease is taken, so that the crash of a worker counts too."""
    error: Mapped[str | None]
    dead_lettered_at: Mapped[datetime | None] = mapped_column("parked_at")
    done_at: Mapped[datetime | None]
    date_created: Mapped[DefaultNow]


def make_outbox_index(table: str) -> Index:
    """Build the index that a claim uses to find due rows; done and dead-lettered rows are not in it."""
    return Index(f"ix_{table}_due", "not_before", "id", postgresql_where=text(IS_OUTBOX_DUE))
