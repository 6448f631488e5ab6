"""Looking after the indexes of a search engine: that there is one, that searches go to it, that nothing is left over.

The rows say what should be; this makes the engine agree. It is called when a drain finds no index, and regularly, so an
alias that somebody took away, an index that somebody removed, or another cluster at the same address mend themselves.
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
    """Make the engine agree with the rows; nothing where it has no indexes of its own."""
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
    # Between the two steps of a swap, searches go to the one that is about to be live.
    if engine.indexes.live() not in [[build.name] for build in builds]:
        engine.indexes.point_to(live.name)
    for name in transact(sessions, lambda session: _retired_among(session, there)):
        engine.indexes.drop(name)


def live_build(session: Session) -> IndexBuild | None:
    """Where searches look, by the rows."""
    return session.scalar(select(IndexBuild).where(IndexBuild.state == BuildState.LIVE))


def current_builds(session: Session) -> list[IndexBuild]:
    """The live index, and the one that is filled beside it."""
    current = IndexBuild.state.in_((BuildState.LIVE, BuildState.BUILDING))
    return list(session.scalars(select(IndexBuild).where(current).order_by(IndexBuild.id)))


def retire(session: Session, build_id: int) -> None:
    """Write to an index no more; whoever clears marks after this transaction knows."""
    change_targets(session)
    session.execute(update(IndexBuild).where(IndexBuild.id == build_id).values(state=BuildState.RETIRED))


def give_up_ended(session: Session) -> None:
    """Write no more to an index whose job ended before it was live."""
    for build_id in session.scalars(ENDED).all():
        retire(session, build_id)


def _make_first(sessions: Sessions, indexes: IndexKeeper) -> None:
    """Make an index for a system that has none, and have everything sent to it."""
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
    """Indexes that were replaced or given up. One without a row is left alone: it may be of a rebuild that is about to
    write its row, or of another system that was given our alias by mistake."""
    retired = IndexBuild.state == BuildState.RETIRED
    return list(session.scalars(select(IndexBuild.name).where(among(IndexBuild.name, names), retired)))
