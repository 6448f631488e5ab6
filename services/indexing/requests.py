"""Requests to rebuild documents: all of them into a new index, or some of them in place.

Some documents are only marked, and the drain writes them; large numbers come behind single changes. All documents are a
job (`services.indexing.rebuild`), because a new index is filled beside the live one meanwhile.
"""

import uuid

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.queues.index_build import lock_index_targets_exclusive
from models.queues.index_mark import IndexMark
from models.queues.job import JOB_QUEUE, Job, JobStatus
from models.queues.notify import Notifier
from search.engine import SearchEngine
from services.core.errors import ValidationFailed
from services.indexing.indexes import find_live_build, reconcile_indexes
from services.searching.query import reindex_objects

REBUILD_INDEX_TASK, COMPARE_INDEX_TASK = "index.rebuild", "index.compare"
SELECT_INDEX_DRIFT = f"""
    SELECT coalesce((SELECT CAST(details ->> 'mended' AS bigint) FROM {JOB_QUEUE.view} AS job
        WHERE task = '{COMPARE_INDEX_TASK}' AND status = 'FINISHED' ORDER BY completed_at DESC LIMIT 1), 0)
"""
"""Documents that the last comparison of index and rows had to repair."""
ACTIVE_INDEX_JOB_STATUSES = (JobStatus.READY, JobStatus.STARTED, JobStatus.PAUSED, JobStatus.ABORT_PENDING)


def start_index_rebuild(session: Session, actor: Actor | None = None, rate: int = 0) -> Job:
    """Return the job that rebuilds the index: the one in progress, or else a new one.

    `rate` limits the documents per second; 0 is no limit.
    """
    if rate < 0:
        raise ValidationFailed("rate", f"{rate} documents a second is less than none; 0 is without a limit")
    return _find_or_start_job(session, REBUILD_INDEX_TASK, "Rebuild the search index", actor, rate)


def start_rebuild_if_outdated(session: Session, engine: SearchEngine) -> Job | None:
    """Start a rebuild if the live index has an older mapping; return its job, or None."""
    live = find_live_build(session)
    if engine.indexes is None or live is None or live.version >= engine.indexes.version:
        return None
    return start_index_rebuild(session)


def start_index_comparison(session: Session, actor: Actor | None = None) -> Job:
    """Return the job that compares index and rows by revision and repairs differences: the one in progress, or a new
    one."""
    return _find_or_start_job(session, COMPARE_INDEX_TASK, "Compare the search index with the rows", actor)


def _find_or_start_job(session: Session, task: str, title: str, actor: Actor | None, rate: int = 0) -> Job:
    lock_index_targets_exclusive(session)
    # An exclusive advisory lock: two requests at once find one job.
    same = select(Job).where(
        Job.task == task, Job.status.in_(ACTIVE_INDEX_JOB_STATUSES), Job.dead_lettered_at.is_(None)
    )
    job = session.scalar(same.order_by(Job.id).limit(1))
    if job is None:
        job = Job(id=new_id(), type="REINDEX", title=title, task=task, queue="index", arguments={"rate": rate})
        job.created_by = actor.user_id if actor else None
        job.progress_total = session.scalar(select(func.count()).select_from(IndexMark)) or 0
        session.add(job)
        session.flush()
    return job


SELECT_SUBTREE_COLLECTIONS = text("SELECT id FROM collection WHERE path @> ARRAY[CAST(:id AS uuid)]")
SELECT_SUBTREE_ASSETS = text("""
    SELECT DISTINCT asset_id FROM collection_asset JOIN collection ON collection.id = collection_id
    WHERE path @> ARRAY[CAST(:id AS uuid)]
""")


def reindex_collection(
    session: Session, collection_id: uuid.UUID, with_assets: bool = True, with_collections: bool = True
) -> None:
    """Mark the documents of a collection and of its whole subtree to be rebuilt."""
    below = session.scalars(SELECT_SUBTREE_COLLECTIONS, {"id": collection_id}).all()
    reindex_objects(session, below if with_collections else [collection_id], "collections")
    if with_assets:
        reindex_objects(session, session.scalars(SELECT_SUBTREE_ASSETS, {"id": collection_id}).all())


def keep_index_current(sessions: Sessions, engine: SearchEngine, notify: Notifier) -> None:
    """Reconcile the indexes, and start a rebuild if the mapping is outdated."""
    reconcile_indexes(sessions, engine)
    job = transact(sessions, lambda session: start_rebuild_if_outdated(session, engine))
    if job is not None:
        notify(REBUILD_INDEX_TASK, [str(job.id)])
