"""Reconcile the indexes of a search engine with the rows: create a missing one, fix the alias, drop retired ones.

The rows describe the desired state. Called when a drain finds no index, and periodically, so that a removed alias, a
removed index or a replaced cluster at the same address is repaired.
"""

import logging

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.statements import in_array
from models.queues.index_build import BuildState, IndexBuild, lock_index_targets_exclusive
from models.queues.index_queue import requeue_all_marks
from models.queues.job import JOB_QUEUE
from search.engine import IndexManager, SearchEngine

log = logging.getLogger(__name__)

SELECT_ABANDONED_BUILDS = text(f"""
    SELECT build.id FROM index_build AS build LEFT JOIN {JOB_QUEUE.view} AS job ON job.id = build.job_id
    WHERE build.state = 'BUILDING'
        AND (job.id IS NULL OR job.status NOT IN ('READY', 'STARTED', 'PAUSED', 'ABORT_PENDING'))
""")


def reconcile_indexes(sessions: Sessions, engine: SearchEngine) -> None:
    """Make the engine agree with the rows. Does nothing for an engine without indexes of its own."""
    if engine.indexes is None:
        return
    live = transact(sessions, find_live_build)
    if live is None:
        _create_first_index(sessions, engine.indexes)
        return
    transact(sessions, retire_abandoned_builds)
    builds = transact(sessions, list_current_builds)
    there = engine.indexes.names()
    if live.name not in there:
        log.warning("the index %s is gone: it is created again, and all documents are queued", live.name)
        transact(sessions, requeue_all_marks)
        engine.indexes.create(live.name, live=True)
    # Between the two steps of a swap, the alias already points to the index that is about to become live.
    if engine.indexes.live() not in [[build.name] for build in builds]:
        engine.indexes.point_to(live.name)
    for name in transact(sessions, lambda session: _retired_among(session, there)):
        engine.indexes.drop(name)


def find_live_build(session: Session) -> IndexBuild | None:
    """Return the index that searches use according to the rows."""
    return session.scalar(select(IndexBuild).where(IndexBuild.state == BuildState.LIVE))


def list_current_builds(session: Session) -> list[IndexBuild]:
    """Return the live index and the one being built, if any."""
    current = IndexBuild.state.in_((BuildState.LIVE, BuildState.BUILDING))
    return list(session.scalars(select(IndexBuild).where(current).order_by(IndexBuild.id)))


def retire_build(session: Session, build_id: int) -> None:
    """Stop writes to an index; transactions that clear marks after this one see that."""
    lock_index_targets_exclusive(session)
    session.execute(update(IndexBuild).where(IndexBuild.id == build_id).values(state=BuildState.RETIRED))


def retire_abandoned_builds(session: Session) -> None:
    """Retire indexes whose rebuild job ended early."""
    for build_id in session.scalars(SELECT_ABANDONED_BUILDS).all():
        retire_build(session, build_id)


def _create_first_index(sessions: Sessions, indexes: IndexManager) -> None:
    """Create the first index and queue all documents for it."""
    name = indexes.new_name()
    # Searched before its row exists: from then on any drain may empty the queue, and an idle system finds everything.
    indexes.create(name, live=True)
    if transact(sessions, lambda session: _register_first(session, name, indexes.version)):
        indexes.point_to(name)
    else:
        indexes.drop(name)


def _register_first(session: Session, name: str, version: int) -> bool:
    lock_index_targets_exclusive(session)
    if find_live_build(session) is not None:
        return False
    session.add(IndexBuild(name=name, version=version, state=BuildState.LIVE))
    requeue_all_marks(session)
    return True


def _retired_among(session: Session, names: list[str]) -> list[str]:
    """Return those of `names` that were retired.

    An index without a row is left alone: it may belong to a rebuild that is about to insert its row, or to another
    system that was given our alias by mistake.
    """
    retired = IndexBuild.state == BuildState.RETIRED
    return list(session.scalars(select(IndexBuild.name).where(in_array(IndexBuild.name, names), retired)))
