"""Islands: the smallest folder trees that can be grouped on their own, and the queue of those that changed.

Why there is a queue in PostgreSQL beside Celery's:

1. A message may be lost, duplicated or late. The row says what is left to do, so none of these matters.
2. A hundred thousand changes of one folder are one row, not a hundred thousand messages.
3. SQL shows what is pending, since when and why, also after a restart.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt, Serial
from models.queues.leased_queue import LeaseMixin


class Island(LeaseMixin, Base):
    """One island, identified by its root folder. `seen` is the version of its content, `done` the processed version,
    `epoch` the fencing token.

    1. A change raises `seen` and sets `dirty_since`.
    2. After the debounce time the island is dispatched (`dispatched_until`).
    3. A task takes a lease and counts an attempt.
    4. Completion, fenced by lease, attempt and epoch, sets `done` to the `seen` that the task read, and clears
       `dirty_since` unless more changes arrived.
    """

    __tablename__ = "island"
    __table_args__ = (
        Index("ix_island_dirty", "storage_id", "dirty_since", postgresql_where=text("dirty_since IS NOT NULL")),
        Index("ix_island_waiting", "wait_until", postgresql_where=text("wait_until IS NOT NULL")),
    )

    id: Mapped[Serial]
    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"))
    folder_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="CASCADE"), unique=True)
    seen: Mapped[BigInt] = mapped_column(server_default="0")
    done: Mapped[BigInt] = mapped_column(server_default="0")
    epoch: Mapped[BigInt] = mapped_column(server_default="0")
    arrived: Mapped[BigInt] = mapped_column(server_default="0")
    """Changes since the last completion: the weight by which islands are packed into batches."""
    stale_summaries: Mapped[bool] = mapped_column(server_default=text("false"))
    """Frames moved out of its buckets by renames: rebuild the buckets from the files."""
    dirty_since: Mapped[datetime | None]
    touched_at: Mapped[datetime | None]
    wait_until: Mapped[datetime | None]
    """When the next orphan of this island stops waiting for its host."""
    dispatched_until: Mapped[datetime | None] = mapped_column("handed_until")
    crashes: Mapped[int] = mapped_column(server_default="0")
    """Isolated attempts that did not end; only these count towards dead-lettering."""
    error: Mapped[str | None]
    rules_version: Mapped[int | None]
    profile_revision: Mapped[int | None]
    trace: Mapped[str | None]
    """W3C traceparent of the oldest pending change; null unless tracing is on."""
