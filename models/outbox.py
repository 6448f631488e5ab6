"""What leaves this system: a row is written with the change that asks for it, and sent later, again and again.

A row's life: written in somebody's transaction; claimed with a lease once `not_before` has come; sent with no
transaction open; then done (`error` says so where it was not sent, as nobody needs it any more), or back with a later
`not_before`, or parked with its reason when the next try would come after `give_up_at`.
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Created

DUE = "done_at IS NULL AND parked_at IS NULL"


class Outgoing:
    """The columns that every outbox has beside what it sends."""

    not_before: Mapped[Created]
    give_up_at: Mapped[datetime] = mapped_column(server_default=text("now() + interval '1 day'"))
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    """Counted when the lease is taken, so that a worker's death counts too."""
    error: Mapped[str | None]
    parked_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    date_created: Mapped[Created]


def outbox_index(table: str) -> Index:
    """The index by which a claim finds what is due; what is done or parked is not in it."""
    return Index(f"ix_{table}_due", "not_before", "id", postgresql_where=text(DUE))
