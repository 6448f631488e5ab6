"""Restore of all deleted assets or collections.

Up to a thousand are restored within the request; more by a job, whose batches are a few statements each: a hundred
thousand one by one would keep a request, its transaction and its row locks for minutes.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND
from models.catalog.history import Operation
from models.core.statements import in_array
from models.queues.job import Job
from services.catalog.collections import collections
from services.core.audit_log import record_audit
from services.core.errors import require_administrator
from services.core.history import record_history
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

RESTORE_DELETED_TASK = "maintenance.restore_deleted"
RESTORE_BATCH_SIZE = 1000
RESTORE_ALL_ACTION = "restore everything"

RestoreFunction = Callable[[Session, datetime, Actor, BatchCursor], tuple[int, BatchCursor | None]]
"""Restore a batch of objects deleted before a time; return the count and the next cursor, None at the end."""


def restore_all(session: Session, kind: str, actor: Actor) -> Job | None:
    """Restore all objects of a kind that are deleted by now; return a job where they are too many for one request."""
    require_administrator(actor, RESTORE_ALL_ACTION)
    asked_at: datetime = session.scalar(text("SELECT now()"))
    done = 0
    place: BatchCursor | None = BatchCursor()
    while place is not None:
        if done >= RESTORE_BATCH_SIZE:
            title = f"Restore all deleted {kind}"
            return add_job(session, RESTORE_DELETED_TASK, "RESTORE", title, actor, arguments={"object_type": kind})
        count, place = RESTORERS[kind](session, asked_at, actor, place)
        done += count
    return None


def run_restore_batch(session: Session, run: JobRun, place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Restore a batch of the objects that were deleted when the job was requested.

    Raises:
        PermissionDenied: the requesting user cannot sign in any more, or is no administrator.
    """
    actor = run.find_requester(session)
    require_administrator(actor, RESTORE_ALL_ACTION)
    return RESTORERS[run.claim.arguments["object_type"]](session, run.claim.date_created, actor, place)


def restore_asset_batch(
    session: Session, asked_at: datetime, actor: Actor, place: BatchCursor
) -> tuple[int, BatchCursor | None]:
    """Restore the next assets by id, except merged ones."""
    due = select(Asset.id, Asset.title).where(
        Asset.status == AssetStatus.DELETED, Asset.merged_into.is_(None), Asset.date_deleted <= asked_at
    )
    if after := place.get("after"):
        due = due.where(Asset.id > uuid.UUID(after))
    # FOR NO KEY UPDATE: keeps out purge and merge, but not inserts of rows that reference these assets.
    rows = session.execute(due.order_by(Asset.id).limit(RESTORE_BATCH_SIZE).with_for_update(key_share=True)).all()
    # The trigger mark_asset_update marks the documents.
    back = {"status": AssetStatus.ACTIVE, "date_deleted": None, "deleted_by_user": None}
    restore = update(Asset).where(in_array(Asset.id, [key for key, _ in rows])).values(back)
    session.execute(restore.execution_options(synchronize_session=False))
    for key, title in rows:
        record_history(session, key, Operation.RESTORE, f'asset "{title}" was restored', actor)
    session.flush()
    return len(rows), {"after": str(rows[-1][0])} if len(rows) == RESTORE_BATCH_SIZE else None


# A collection is never restored below a deleted parent, so a tree is restored level by level, from the top.
# The trigger mark_collection_update marks the documents.
RESTORE_COLLECTIONS = text("""
    WITH due AS (
        SELECT id FROM collection
        WHERE status = 'DELETED' AND date_deleted <= :asked_at AND NOT EXISTS (
            SELECT FROM collection AS above WHERE above.id = collection.parent_id AND above.status = 'DELETED')
        ORDER BY id LIMIT :limit FOR NO KEY UPDATE
    )
    UPDATE collection SET status = 'ACTIVE', date_deleted = NULL, deleted_by_user = NULL
    FROM due WHERE collection.id = due.id RETURNING collection.id, title
""")


def restore_collection_batch(
    session: Session, asked_at: datetime, actor: Actor, _place: BatchCursor
) -> tuple[int, BatchCursor | None]:
    """Restore a batch of collections without a deleted parent."""
    # Advisory lock of the collection tree: no parent may be deleted meanwhile.
    session.execute(collections.LOCK_TREE)
    rows = session.execute(RESTORE_COLLECTIONS, {"asked_at": asked_at, "limit": RESTORE_BATCH_SIZE}).all()
    for key, title in rows:
        record_audit(session, COLLECTION_KIND, key, f'collection "{title}" was restored', actor)
    session.flush()
    return len(rows), {} if rows else None


RESTORERS: dict[str, RestoreFunction] = {
    ASSET_KIND: restore_asset_batch,
    COLLECTION_KIND: restore_collection_batch,
}


RESTORE_DELETED_JOBS = JobKind(RESTORE_DELETED_TASK, batches(run_restore_batch, "objects were restored"))
