"""Restore of all deleted assets or collections.

Up to a thousand are restored within the request; more by a job, whose batches are a few statements each: a hundred
thousand one by one would keep a request, its transaction and its row locks for minutes.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from celery import Task, shared_task
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.acl import Actor
from models.asset import Asset, AssetStatus
from models.base import new_id
from models.bulk import among
from models.history import Operation
from models.job import Job
from tasks import assets, collections
from tasks.actors import find_actor
from tasks.audit import note
from tasks.batches import Place, work_off
from tasks.history import record
from tasks.job_leases import JobClaim
from tasks.refusals import Denied
from tasks.users import require_administrator

TASK = "maintenance.restore_deleted"
BATCH = 1000
DEED = "restore everything"

Restorer = Callable[[Session, datetime, Actor, Place], tuple[int, Place | None]]
"""Restore a batch of objects deleted before a time; return the count and the next cursor, None at the end."""


def restore_all(session: Session, kind: str, actor: Actor) -> Job | None:
    """Restore all objects of a kind that are deleted by now; return a job where they are too many for one request."""
    require_administrator(actor, DEED)
    asked_at: datetime = session.scalar(text("SELECT now()"))
    done, place = 0, Place()
    while place is not None:
        if done >= BATCH:
            return _request(session, kind, actor)
        count, place = RESTORERS[kind](session, asked_at, actor, place)
        done += count
    return None


def _request(session: Session, kind: str, actor: Actor) -> Job:
    job = Job(id=new_id(), type="RESTORE", title=f"Restore all deleted {kind}", task=TASK)
    job.arguments, job.created_by = {"object_type": kind}, actor.user_id
    session.add(job)
    session.flush()
    return job


@shared_task(name=TASK, bind=True, ignore_result=True)
def restore_deleted(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids."""
    context = self.app.context
    ids = [uuid.UUID(job_id) for job_id in job_ids]
    work_off(context.sessions, TASK, ids, context.timing, restore_batch, "objects were restored")


def restore_batch(session: Session, claim: JobClaim, place: Place) -> tuple[int, Place | None]:
    """Restore a batch of the objects that were deleted when the job was requested.

    Raises:
        PermissionDenied: the requesting user cannot sign in any more, or is no administrator.
    """
    asked_at, asker = session.execute(select(Job.date_created, Job.created_by).where(Job.id == claim.id)).one()
    actor = find_actor(session, asker) if asker else None
    if actor is None:
        raise Denied("whoever asked for this may not sign in any more")
    require_administrator(actor, DEED)
    return RESTORERS[claim.arguments["object_type"]](session, asked_at, actor, place)


def restore_some_assets(session: Session, asked_at: datetime, actor: Actor, place: Place) -> tuple[int, Place | None]:
    """Restore the next assets by id, except merged ones."""
    due = select(Asset.id, Asset.title).where(
        Asset.status == AssetStatus.DELETED, Asset.merged_into.is_(None), Asset.date_deleted <= asked_at
    )
    if after := place.get("after"):
        due = due.where(Asset.id > uuid.UUID(after))
    # FOR NO KEY UPDATE: keeps out purge and merge, but not inserts of rows that reference these assets.
    rows = session.execute(due.order_by(Asset.id).limit(BATCH).with_for_update(key_share=True)).all()
    # The trigger mark_asset_update marks the documents.
    back = {"status": AssetStatus.ACTIVE, "date_deleted": None, "deleted_by_user": None}
    restore = update(Asset).where(among(Asset.id, [key for key, _ in rows])).values(back)
    session.execute(restore.execution_options(synchronize_session=False))
    for key, title in rows:
        record(session, key, Operation.RESTORE, f'asset "{title}" was restored', actor)
    session.flush()
    return len(rows), {"after": str(rows[-1][0])} if len(rows) == BATCH else None


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


def restore_some_collections(
    session: Session, asked_at: datetime, actor: Actor, _place: Place
) -> tuple[int, Place | None]:
    """Restore a batch of collections without a deleted parent."""
    # Advisory lock of the collection tree: no parent may be deleted meanwhile.
    session.execute(collections.HOLD_TREE)
    rows = session.execute(RESTORE_COLLECTIONS, {"asked_at": asked_at, "limit": BATCH}).all()
    for key, title in rows:
        note(session, collections.KIND, key, f'collection "{title}" was restored', actor)
    session.flush()
    return len(rows), {} if rows else None


RESTORERS: dict[str, Restorer] = {
    assets.KIND: restore_some_assets,
    collections.KIND: restore_some_collections,
}
