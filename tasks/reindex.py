"""Requests to rebuild documents: all of them into a new index, or some of them in place.

Some documents are only marked, and the drain writes them; large numbers come behind single changes. All documents are a
job (`services.indexing.rebuild`), because a new index is filled beside the live one meanwhile.
"""

import uuid
from collections.abc import Sequence

from celery import Task, shared_task
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.acl import Actor
from models.base import new_id
from models.index_build import change_targets
from models.index_mark import IndexMark
from models.job import Job, JobStatus
from models.sessions import transact
from search.engine import SearchEngine
from tasks.find import mark_again
from tasks.index_builds import live_build, look_after_indexes
from tasks.refusals import Invalid

REBUILD, COMPARE = "index.rebuild", "index.compare"
UNDER_WAY = (JobStatus.READY, JobStatus.STARTED, JobStatus.PAUSED, JobStatus.ABORT_PENDING)


def start_rebuild(session: Session, actor: Actor | None = None, rate: int = 0) -> Job:
    """Return the job that rebuilds the index: the one in progress, or else a new one.

    `rate` limits the documents per second; 0 is no limit.
    """
    if rate < 0:
        raise Invalid("rate", f"{rate} documents a second is less than none; 0 is without a limit")
    return _start(session, REBUILD, "Build the search index anew", actor, rate)


def start_if_outdated(session: Session, engine: SearchEngine) -> Job | None:
    """Start a rebuild if the live index has an older mapping; return its job, or None."""
    live = live_build(session)
    if engine.indexes is None or live is None or live.version >= engine.indexes.version:
        return None
    return start_rebuild(session)


def start_comparison(session: Session, actor: Actor | None = None) -> Job:
    """Return the job that compares index and rows by revision and repairs differences: the one in progress, or a new
    one."""
    return _start(session, COMPARE, "Compare the search index with the rows", actor)


def _start(session: Session, task: str, title: str, actor: Actor | None, rate: int = 0) -> Job:
    change_targets(session)
    # An exclusive advisory lock: two requests at once find one job.
    same = select(Job).where(Job.task == task, Job.status.in_(UNDER_WAY), Job.parked_at.is_(None))
    job = session.scalar(same.order_by(Job.id).limit(1))
    if job is None:
        job = Job(id=new_id(), type="REINDEX", title=title, task=task, queue="index", arguments={"rate": rate})
        job.created_by = actor.user_id if actor else None
        job.progress_total = session.scalar(select(func.count()).select_from(IndexMark)) or 0
        session.add(job)
        session.flush()
    return job


BELOW = text("SELECT id FROM collection WHERE path @> ARRAY[CAST(:id AS uuid)]")
CONTENTS = text("""
    SELECT DISTINCT asset_id FROM collection_asset JOIN collection ON collection.id = collection_id
    WHERE path @> ARRAY[CAST(:id AS uuid)]
""")


def mark_collection(
    session: Session, collection_id: uuid.UUID, with_assets: bool = True, with_collections: bool = True
) -> None:
    """Mark the documents of a collection and of its whole subtree to be rebuilt."""
    below = session.scalars(BELOW, {"id": collection_id}).all()
    mark_again(session, below if with_collections else [collection_id], "collections")
    if with_assets:
        mark_again(session, session.scalars(CONTENTS, {"id": collection_id}).all())


@shared_task(name="index.look", bind=True, ignore_result=True)
def look_at_index(self: Task, _ids: Sequence[object] = ()) -> None:
    """Reconcile the indexes, and start a rebuild if the mapping is outdated."""
    context = self.app.context
    look_after_indexes(context.sessions, context.engine)
    job = transact(context.sessions, lambda session: start_if_outdated(session, context.engine))
    if job is not None:
        context.ring(job.task, [str(job.id)])
