"""Reconcile the indexes of a search engine with the rows: create a missing one, fix the alias, drop retired ones.

The rows describe the desired state. Called when a drain finds no index, and periodically, so that a removed alias, a
removed index or a replaced cluster at the same address is repaired.
"""

import logging

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.bulk import among
from models.index_build import BuildState, IndexBuild, change_targets
from models.index_queue import mark_all_unsent
from models.sessions import Sessions, transact
from search.engine import IndexKeeper, SearchEngine

log = logging.getLogger(__name__)

ENDED = text("""
    SELECT build.id FROM index_build AS build LEFT JOIN job ON job.id = build.job_id
    WHERE build.state = 'BUILDING'
        AND (job.id IS NULL OR job.status NOT IN ('READY', 'STARTED', 'PAUSED', 'ABORT_PENDING'))
""")


def look_after_indexes(sessions: Sessions, engine: SearchEngine) -> None:
    """Make the engine agree with the rows. Does nothing for an engine without indexes of its own."""
    if engine.indexes is None:
        return
    live = transact(sessions, live_build)
    if live is None:
        _make_first(sessions, engine.indexes)
        return
    transact(sessions, give_up_ended)
    builds = transact(sessions, current_builds)
    there = engine.indexes.names()
    if live.name not in there:
        log.warning("the index %s is gone: it is made anew, and everything is sent again", live.name)
        transact(sessions, mark_all_unsent)
        engine.indexes.create(live.name)
    # Between the two steps of a swap, the alias already points to the index that is about to become live.
    if engine.indexes.live() not in [[build.name] for build in builds]:
        engine.indexes.point_to(live.name)
    for name in transact(sessions, lambda session: _retired_among(session, there)):
        engine.indexes.drop(name)


def live_build(session: Session) -> IndexBuild | None:
    """Return the index that searches use according to the rows."""
    return session.scalar(select(IndexBuild).where(IndexBuild.state == BuildState.LIVE))


def current_builds(session: Session) -> list[IndexBuild]:
    """Return the live index and the one being built, if any."""
    current = IndexBuild.state.in_((BuildState.LIVE, BuildState.BUILDING))
    return list(session.scalars(select(IndexBuild).where(current).order_by(IndexBuild.id)))


def retire(session: Session, build_id: int) -> None:
    """Stop writes to an index; transactions that clear marks after this one see that."""
    change_targets(session)
    session.execute(update(IndexBuild).where(IndexBuild.id == build_id).values(state=BuildState.RETIRED))


def give_up_ended(session: Session) -> None:
    """Retire indexes whose rebuild job ended early."""
    for build_id in session.scalars(ENDED).all():
        retire(session, build_id)


def _make_first(sessions: Sessions, indexes: IndexKeeper) -> None:
    """Create the first index and queue all documents for it."""
    name = indexes.new_name()
    indexes.create(name)
    if transact(sessions, lambda session: _register_first(session, name, indexes.version)):
        indexes.point_to(name)
    else:
        indexes.drop(name)


def _register_first(session: Session, name: str, version: int) -> bool:
    change_targets(session)
    if live_build(session) is not None:
        return False
    session.add(IndexBuild(name=name, version=version, state=BuildState.LIVE))
    mark_all_unsent(session)
    return True


def _retired_among(session: Session, names: list[str]) -> list[str]:
    """Return those of `names` that were retired.

    An index without a row is left alone: it may belong to a rebuild that is about to insert its row, or to another
    system that was given our alias by mistake.
    """
    retired = IndexBuild.state == BuildState.RETIRED
    return list(session.scalars(select(IndexBuild.name).where(among(IndexBuild.name, names), retired)))
