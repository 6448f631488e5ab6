"""Indexes of a search engine, and which of them a drain has to write to.

Why this is stored in PostgreSQL, and not only in the engine:

1. A drain acknowledges a mark only together with the list of indexes that it wrote to, so list and mark need one lock.
2. A killed rebuild resumes from its row, and a second rebuild is refused by the first one's row.
3. Comparing detects an engine that lost an index or was replaced.
"""

import uuid
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import Base, CreatedMixin, Serial, TextEnum, checked_text


class BuildState(TextEnum):
    BUILDING = "BUILDING"
    """Being filled beside the live index."""
    LIVE = "LIVE"
    """Searches use this one."""
    RETIRED = "RETIRED"
    """Replaced, or abandoned while it was filled; the engine may still have it."""


class IndexBuild(CreatedMixin, Base):
    """One index over its life; only one can be LIVE and one BUILDING."""

    __tablename__ = "index_build"
    __table_args__ = (
        Index(
            "uq_index_build_state",
            "state",
            unique=True,
            postgresql_where=text("state IN ('BUILDING', 'LIVE')"),
        ),
    )

    id: Mapped[Serial]
    name: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    """Version of the mapping."""
    state: Mapped[BuildState] = mapped_column(checked_text(BuildState))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    """The job that fills it."""


class IndexTarget(NamedTuple):
    """An index that a drain writes to."""

    name: str
    version: int


INDEX_LIST_LOCK = 7_411_032
"""Advisory lock on the list of indexes: shared by drains that acknowledge, exclusive for changes of the list. Ends with
the transaction."""

SELECT_INDEX_TARGETS = text("SELECT name, version FROM index_build WHERE state IN ('BUILDING', 'LIVE') ORDER BY id")
LOCK_INDEX_LIST_SHARED = text("SELECT pg_advisory_xact_lock_shared(:lock)").bindparams(lock=INDEX_LIST_LOCK)
LOCK_INDEX_LIST_EXCLUSIVE = text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=INDEX_LIST_LOCK)


def read_index_targets(session: Session) -> tuple[IndexTarget, ...]:
    """Return the indexes that a drain must write to, as of now."""
    return tuple(IndexTarget(*row) for row in session.execute(SELECT_INDEX_TARGETS))


def lock_index_targets_shared(session: Session) -> tuple[IndexTarget, ...]:
    """Return the same, locked against changes until the transaction ends."""
    session.execute(LOCK_INDEX_LIST_SHARED)
    return read_index_targets(session)


def lock_index_targets_exclusive(session: Session) -> None:
    """Wait for drains that are acknowledging, and lock the list: later drains read it as this transaction leaves it."""
    session.execute(LOCK_INDEX_LIST_EXCLUSIVE)
