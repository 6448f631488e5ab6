"""Islands: the smallest part of a tree that can be grouped alone, and the queue of those that changed.

Why a queue stands in Postgres beside Celery's:

1. a message may be lost, doubled or late; the row says what is still to do, so none of these matters;
2. a hundred thousand changes of one folder are one row, not a hundred thousand messages;
3. what waits, since when and why can be asked by SQL, after a restart too.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Big, Serial


class Island(Base):
    """Hangs on its root folder's id. `seen` counts changes, `done` what was grouped; `epoch` alone refuses a finish.

    A life: a change raises `seen` and sets `dirty_since`; when quiet it is handed out (`handed_until`); a task takes a
    lease and counts an attempt; a finish fenced by lease, attempt and epoch sets `done` to the `seen` that it read, and
    `dirty_since` is cleared where nothing came meanwhile.
    """

    __tablename__ = "island"
    __table_args__ = (
        Index("ix_island_dirty", "storage_id", "dirty_since", postgresql_where=text("dirty_since IS NOT NULL")),
        Index("ix_island_waiting", "wait_until", postgresql_where=text("wait_until IS NOT NULL")),
    )

    id: Mapped[Serial]
    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"))
    folder_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="CASCADE"), unique=True)
    seen: Mapped[Big] = mapped_column(server_default="0")
    done: Mapped[Big] = mapped_column(server_default="0")
    epoch: Mapped[Big] = mapped_column(server_default="0")
    arrived: Mapped[Big] = mapped_column(server_default="0")
    """Changes since the last finish: the weight by which islands are packed into batches."""
    stale_summaries: Mapped[bool] = mapped_column(server_default=text("false"))
    """Frames left its buckets under another name: they are made anew from the files."""
    dirty_since: Mapped[datetime | None]
    touched_at: Mapped[datetime | None]
    wait_until: Mapped[datetime | None]
    """When the next orphan of this island stops waiting for its host."""
    handed_until: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    crashes: Mapped[int] = mapped_column(server_default="0")
    """Attempts alone in a message that did not end; only these count towards parking."""
    error: Mapped[str | None]
    parked_at: Mapped[datetime | None]
    rules_version: Mapped[int | None]
    profile_revision: Mapped[int | None]
    trace: Mapped[str | None]
    """The W3C traceparent of the change that waits longest; null where nothing is traced."""
