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

from models.base import Base, Created, Serial, Word, checked_text


class BuildState(Word):
    BUILDING = "BUILDING"
    """Being filled beside the live index."""
    LIVE = "LIVE"
    """Searches use this one."""
    RETIRED = "RETIRED"
    """Replaced, or abandoned while it was filled; the engine may still have it."""


class IndexBuild(Base):
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
    date_created: Mapped[Created]


class Target(NamedTuple):
    """An index that a drain writes to."""

    name: str
    version: int


LIST_LOCK = 7_411_032
"""Advisory lock on the list of indexes: shared by drains that acknowledge, exclusive for changes of the list. Ends with
the transaction."""

TARGETS = text("SELECT name, version FROM index_build WHERE state IN ('BUILDING', 'LIVE') ORDER BY id")
HOLD = text("SELECT pg_advisory_xact_lock_shared(:lock)").bindparams(lock=LIST_LOCK)
CHANGE = text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=LIST_LOCK)


def read_targets(session: Session) -> tuple[Target, ...]:
    """Return the indexes that a drain must write to, as of now."""
    return tuple(Target(*row) for row in session.execute(TARGETS))


def hold_targets(session: Session) -> tuple[Target, ...]:
    """Return the same, locked against changes until the transaction ends."""
    session.execute(HOLD)
    return read_targets(session)


def change_targets(session: Session) -> None:
    """Wait for drains that are acknowledging, and lock the list: later drains read it as this transaction leaves it."""
    session.execute(CHANGE)
