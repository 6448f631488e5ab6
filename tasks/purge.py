"""Removing for good what was deleted long enough ago. History stays; so do assets whose files are still on a disk."""

import uuid
from collections.abc import Sequence

from celery import Task, shared_task
from sqlalchemy import delete, exists, select, text
from sqlalchemy.orm import Session

from models.acl import AclEntry, Actor, Permission, permitted, readable_by
from models.asset import Asset, AssetStatus, FileSet, FileSetFile
from models.base import new_id
from models.job import Job
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.assets import KIND
from tasks.refusals import Conflict, Denied, Missing

# The row of such an asset is what tells the grouping that a person does not want it: without it, the files that are
# still there would make it anew.
HAS_FILES = exists().where(FileSet.asset_id == Asset.id, FileSetFile.file_set_id == FileSet.id)


def purge(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Purge these deleted assets, or say which of them cannot be."""
    if not ids:
        return
    queue = session.execute(
        select(Asset.id, Asset.title, Asset.status, HAS_FILES, permitted(actor, KIND, Asset.id, Permission.DELETE))
        .where(Asset.id.in_(ids), readable_by(actor, KIND, Asset.id))
        .order_by(Asset.id)
        .with_for_update(of=Asset)
    ).all()
    found = {row.id for row in queue}
    for wanted in ids:
        if wanted not in found:
            raise Missing("deleted asset", wanted)
    for _, title, status, has_files, may in queue:
        if not may:
            raise Denied(f'you may read the asset "{title}", but not "delete" it')
        if status != AssetStatus.DELETED:
            raise Conflict(f'the asset "{title}" is not deleted; delete it first')
        if has_files:
            raise Conflict(f'the asset "{title}" has files on a storage; remove them there first')
    _remove(session, sorted(found))


def purge_batch(session: Session, recycle_seconds: float, limit: int = 500) -> int:
    """Purge up to `limit` assets that were deleted `recycle_seconds` ago; returns how many, for a job's progress."""
    ids = session.scalars(
        select(Asset.id)
        .where(
            Asset.status == AssetStatus.DELETED,
            Asset.date_deleted < text("now() - make_interval(secs => :seconds)").bindparams(seconds=recycle_seconds),
            ~HAS_FILES,
        )
        .order_by(Asset.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    _remove(session, ids)
    return len(ids)


def _remove(session: Session, ids: Sequence[uuid.UUID]) -> None:
    session.execute(delete(AclEntry).where(AclEntry.object_type == KIND, AclEntry.object_id.in_(ids)))
    session.execute(delete(Asset).where(Asset.id.in_(ids)).execution_options(synchronize_session=False))


def request_purge(session: Session, actor: Actor) -> Job:
    """A job that purges everything deleted, whenever that was."""
    job = Job(id=new_id(), type="DELETE", title="Purge all deleted assets", task=TASK, created_by=actor.user_id)
    session.add(job)
    session.flush()
    return job


TASK = "maintenance.purge"
OPEN = text("""
    UPDATE job SET status = 'STARTED', lease_owner = :owner, lease_until = now() + make_interval(secs => :lease),
        attempt = attempt + 1, started_at = coalesce(started_at, now()), date_modified = now()
    WHERE id = :job AND task = :task
        AND (status = 'READY' OR status = 'STARTED' AND (lease_until IS NULL OR lease_until < now()))
    RETURNING attempt
""")
RENEW = text("""
    UPDATE job SET lease_until = now() + make_interval(secs => :lease),
        progress_processed = progress_processed + :done, progress_total = progress_processed + :done,
        date_modified = now()
    WHERE id = :job AND lease_owner = :owner AND attempt = :attempt AND status = 'STARTED' RETURNING id
""")
CLOSE = text("""
    UPDATE job SET status = CASE status WHEN 'ABORT_PENDING' THEN 'ABORTED' ELSE 'FINISHED' END, lease_owner = NULL,
        lease_until = NULL, completed_at = now(), date_modified = now()
    WHERE id = :job AND lease_owner = :owner AND attempt = :attempt AND status IN ('STARTED', 'ABORT_PENDING')
""")


@shared_task(name=TASK, bind=True, ignore_result=True)
def purge_deleted(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the purge jobs with these ids."""
    for job_id in job_ids:
        run_purge(self.app.context.sessions, uuid.UUID(job_id), self.app.context.timing)


def run_purge(sessions: Sessions, job_id: uuid.UUID, timing: Timing) -> int:
    """Empty the delete queue batch by batch, each with its own transaction, until it is empty or somebody stops it.

    Returns how many assets went. A job that somebody else holds, or that has ended, is left alone.
    """
    fence = {"job": job_id, "owner": str(uuid.uuid4()), "lease": timing.lease_seconds}
    attempt = transact(sessions, lambda session: session.scalar(OPEN, {**fence, "task": TASK}))
    if attempt is None:
        return 0
    fence["attempt"] = attempt
    gone, batch = 0, 1
    while batch:
        batch = transact(sessions, lambda session: _purge_fenced(session, fence))
        gone += batch
    transact(sessions, lambda session: session.execute(CLOSE, fence))
    return gone


def _purge_fenced(session: Session, fence: dict[str, object]) -> int:
    """One batch, of a job that is still ours and that nobody stopped; its row is locked until the batch is gone."""
    if session.scalar(RENEW, {**fence, "done": 0}) is None:
        return 0
    done = purge_batch(session, recycle_seconds=0)
    session.execute(RENEW, {**fence, "done": done})
    return done
