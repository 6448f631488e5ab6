"""Purge of deleted collections; their assets stay.

A few are purged within the request, many by a job, because each is removed with every row that refers to it.
"""

import uuid
from collections.abc import Collection as Several
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Delete, delete, select, text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor, Permission
from models.access.share import Share
from models.catalog.approval import Approval
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus, Favorite
from models.catalog.metadata import delete_values
from models.core.statements import in_array
from models.queues.job import Job
from services.catalog.collections.collections import LOCK_TREE, find_collection
from services.core.errors import Conflict
from services.core.rows import record_audit
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

PURGE_COLLECTIONS_TASK = "maintenance.purge_collections"
COLLECTION_PURGE_BATCH_SIZE = 500


def purge_collections(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Purge these deleted collections and their descendants (all or nothing)."""
    # Advisory lock of the collection tree: no move or copy may change the descendants meanwhile.
    session.execute(LOCK_TREE)
    for key in sorted(set(ids)):
        collection = find_collection(session, actor, key, Permission.DELETE, lock=True)
        if collection.status != CollectionStatus.DELETED:
            raise Conflict(f'the collection "{collection.title}" is not deleted; delete it first')
        record_audit(session, COLLECTION_KIND, key, f'collection "{collection.title}" was purged', actor)
    below = select(Collection.id).where(Collection.path.overlap(list(ids))).order_by(Collection.id)
    _delete_collections(session, session.scalars(below).all())


# Leaves first, because of the foreign key to the parent; parents follow in a later batch.
# SKIP LOCKED: parallel purges divide the queue.
SELECT_PURGEABLE_COLLECTIONS = text("""
    SELECT id FROM collection
    WHERE status = 'DELETED'
        AND date_deleted < coalesce(CAST(:asked_at AS timestamptz), now()) - make_interval(secs => :seconds)
        AND NOT EXISTS (SELECT FROM collection AS child WHERE child.parent_id = collection.id)
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
""")


def purge_collection_batch(
    session: Session, recycle_seconds: float, limit: int = COLLECTION_PURGE_BATCH_SIZE, asked_at: datetime | None = None
) -> int:
    """Purge up to `limit` collections deleted `recycle_seconds` before `asked_at` (default: now); return the count."""
    ids = session.scalars(
        SELECT_PURGEABLE_COLLECTIONS, {"seconds": recycle_seconds, "limit": limit, "asked_at": asked_at}
    ).all()
    if ids:
        _delete_collections(session, ids)
    return len(ids)


def purge_all_collections(session: Session, actor: Actor) -> Job | None:
    """Purge every collection that is deleted by now: one batch at once; return a job for the rest, if any."""
    gone = 0
    while batch := purge_collection_batch(session, recycle_seconds=0, limit=COLLECTION_PURGE_BATCH_SIZE - gone):
        gone += batch
    if gone < COLLECTION_PURGE_BATCH_SIZE:
        return None
    return add_job(session, PURGE_COLLECTIONS_TASK, "DELETE", "Purge all deleted collections", actor)


def run_collection_purge_batch(session: Session, run: JobRun, _place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Purge a batch of the collections that were deleted when the job was requested."""
    gone = purge_collection_batch(session, recycle_seconds=0, asked_at=run.claim.date_created)
    return gone, {} if gone else None


def _delete_collections(session: Session, ids: Several[uuid.UUID]) -> None:
    """Delete collections and the rows that refer to them; memberships are deleted by their foreign key."""

    def of_them(kind: type[AclEntry] | type[Approval] | type[Share] | type[Favorite]) -> Delete:
        return delete(kind).where(kind.object_type == COLLECTION_KIND, in_array(kind.object_id, ids))

    # The triggers mark_acl_entry_delete, mark_approval_delete and mark_metadata_value_delete mark the documents.
    inherited = delete(AclEntry).where(in_array(AclEntry.inherited_from, ids))
    for rows in (of_them(AclEntry), inherited, of_them(Approval), of_them(Share), of_them(Favorite)):
        session.execute(rows.execution_options(synchronize_session=False))
    delete_values(session, ids)
    # The triggers mark_collection_delete and mark_collection_asset_delete mark the documents.
    gone = delete(Collection).where(in_array(Collection.id, ids))
    session.execute(gone.execution_options(synchronize_session=False))


PURGE_COLLECTIONS_JOBS = JobKind(PURGE_COLLECTIONS_TASK, batches(run_collection_purge_batch, "collections were purged"))
