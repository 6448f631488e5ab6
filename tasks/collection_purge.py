"""Purge of deleted collections; their assets stay.

A few are purged within the request, many by a job, because each is removed with every row that refers to it.
"""

import uuid
from collections.abc import Collection as Several
from collections.abc import Sequence
from datetime import datetime

from celery import Task, shared_task
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from models.acl import AclEntry, Actor, Permission
from models.approval import Approval
from models.base import new_id
from models.bulk import among
from models.collection import Collection, CollectionStatus, Favorite
from models.job import Job
from models.share import Share
from tasks.audit import note
from tasks.batches import Place, work_off
from tasks.collections import HOLD_TREE, KIND, find_collection
from tasks.job_leases import JobClaim
from tasks.metadata_values import forget_values
from tasks.refusals import Conflict

TASK = "maintenance.purge_collections"
BATCH = 500


def purge_collections(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Purge these deleted collections and their descendants (all or nothing)."""
    # Advisory lock of the collection tree: no move or copy may change the descendants meanwhile.
    session.execute(HOLD_TREE)
    for key in sorted(set(ids)):
        collection = find_collection(session, actor, key, Permission.DELETE, lock=True)
        if collection.status != CollectionStatus.DELETED:
            raise Conflict(f'the collection "{collection.title}" is not deleted; delete it first')
        note(session, KIND, key, f'collection "{collection.title}" was purged', actor)
    _remove(session, ids)


# Leaves first, because of the foreign key to the parent; parents follow in a later batch.
# SKIP LOCKED: parallel purges divide the queue.
DUE = text("""
    SELECT id FROM collection
    WHERE status = 'DELETED'
        AND date_deleted < coalesce(CAST(:asked_at AS timestamptz), now()) - make_interval(secs => :seconds)
        AND NOT EXISTS (SELECT FROM collection AS child WHERE child.parent_id = collection.id)
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
""")


def purge_collection_batch(
    session: Session, recycle_seconds: float, limit: int = BATCH, asked_at: datetime | None = None
) -> int:
    """Purge up to `limit` collections deleted `recycle_seconds` before `asked_at` (default: now); return the count."""
    ids = session.scalars(DUE, {"seconds": recycle_seconds, "limit": limit, "asked_at": asked_at}).all()
    if ids:
        _forget(session, ids)
    return len(ids)


def purge_all_collections(session: Session, actor: Actor) -> Job | None:
    """Purge every collection that is deleted by now: one batch at once; return a job for the rest, if any."""
    gone = 0
    while batch := purge_collection_batch(session, recycle_seconds=0, limit=BATCH - gone):
        gone += batch
    if gone < BATCH:
        return None
    job = Job(id=new_id(), type="DELETE", title="Purge all deleted collections", task=TASK, created_by=actor.user_id)
    session.add(job)
    session.flush()
    return job


@shared_task(name=TASK, bind=True, ignore_result=True)
def purge_deleted_collections(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids."""
    context = self.app.context
    ids = [uuid.UUID(job_id) for job_id in job_ids]
    work_off(context.sessions, TASK, ids, context.timing, purge_asked, "collections were purged")


def purge_asked(session: Session, claim: JobClaim, _place: Place) -> tuple[int, Place | None]:
    """Purge a batch of the collections that were deleted when the job was requested."""
    asked_at = session.scalar(select(Job.date_created).where(Job.id == claim.id))
    gone = purge_collection_batch(session, recycle_seconds=0, asked_at=asked_at)
    return gone, {} if gone else None


def _remove(session: Session, roots: Sequence[uuid.UUID]) -> None:
    below = session.scalars(
        select(Collection.id).where(Collection.path.overlap(list(roots))).order_by(Collection.id)
    ).all()
    _forget(session, below)


def _forget(session: Session, ids: Several[uuid.UUID]) -> None:
    """Delete collections and the rows that refer to them; memberships are deleted by their foreign key."""
    options = {"synchronize_session": False}
    # The triggers mark_acl_entry_delete, mark_approval_delete and mark_metadata_value_delete mark the documents.
    entries = delete(AclEntry).where(AclEntry.object_type == KIND, among(AclEntry.object_id, ids))
    session.execute(entries.execution_options(**options))
    copies = delete(AclEntry).where(among(AclEntry.inherited_from, ids))
    session.execute(copies.execution_options(**options))
    approvals = delete(Approval).where(Approval.object_type == KIND, among(Approval.object_id, ids))
    session.execute(approvals.execution_options(**options))
    shares = delete(Share).where(Share.object_type == KIND, among(Share.object_id, ids))
    session.execute(shares.execution_options(**options))
    marks = delete(Favorite).where(Favorite.object_type == KIND, among(Favorite.object_id, ids))
    session.execute(marks.execution_options(**options))
    forget_values(session, ids)
    # The triggers mark_collection_delete and mark_collection_asset_delete mark the documents.
    session.execute(delete(Collection).where(among(Collection.id, ids)).execution_options(**options))
