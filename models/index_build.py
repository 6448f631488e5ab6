"""Indexes of a search engine, and which of them a drain has to write to.

Why this stands in Postgres, and not only in the engine:

1. a drain clears a mark only under the list of indexes that it wrote to, so the list and the mark need one lock;
2. a rebuild that was killed goes on from its row, and a second one finds the first one's row in its way;
3. an engine that lost an index, or is another one than before, is noticed by comparing.
"""

import uuid
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Created, Serial, Word, checked_text


class BuildState(Word):
    BUILDING = "BUILDING"
    """Filled beside the live one."""
    LIVE = "LIVE"
    """Searches look here."""
    RETIRED = "RETIRED"
    """Replaced, or given up while it was filled; the engine may still have it."""


class IndexBuild(Base):
    """One index from its making to its end; at most one is live and at most one is filled."""

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
    """Of the mapping."""
    state: Mapped[BuildState] = mapped_column(checked_text(BuildState))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    """Who fills it."""
    date_created: Mapped[Created]


class Target(NamedTuple):
    """An index that a drain writes to."""

    name: str
    version: int


LIST_LOCK = 7_411_032
"""Advisory: shared by a drain that finishes, alone for whoever changes the list. The lock ends with its transaction."""

TARGETS = text("SELECT name, version FROM index_build WHERE state IN ('BUILDING', 'LIVE') ORDER BY id")
HOLD = text("SELECT pg_advisory_xact_lock_shared(:lock)").bindparams(lock=LIST_LOCK)
CHANGE = text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=LIST_LOCK)


def read_targets(session: Session) -> tuple[Target, ...]:
    """Which indexes a drain writes to, as of now."""
    return tuple(Target(*row) for row in session.execute(TARGETS))


def hold_targets(session: Session) -> tuple[Target, ...]:
    """The same, and nobody changes it before the transaction ends."""
    session.execute(HOLD)
    return read_targets(session)


def change_targets(session: Session) -> None:
    """Wait for drains that are just finishing; whoever comes later reads the list as this transaction leaves it."""
    session.execute(CHANGE)
