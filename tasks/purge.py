"""Purge of deleted assets: remove rows for good once the recycle period is over.

History stays. Assets with files on a storage stay too, and so do merged assets, which still resolve to their survivor.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from celery import Task, shared_task
from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from models.acl import Actor, Permission, permitted, readable_by
from models.asset import Asset, AssetStatus, FileSet, FileSetFile
from models.base import new_id
from models.bulk import among
from models.job import Job, JobStatus
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.assets import KIND
from tasks.holdings import remove_holdings
from tasks.job_leases import JobClaim, Progress, about_job, claim_jobs, end_job, keep_job
from tasks.refusals import Conflict, Denied, Missing
from tasks.renditions import IS_RENDITION

TASK = "maintenance.purge"

# While files exist, the deleted row keeps grouping from creating the asset again, so it must not be purged.
# Renditions do not count: they are purged with their asset.
HAS_FILES = exists().where(FileSet.asset_id == Asset.id, FileSetFile.file_set_id == FileSet.id, ~IS_RENDITION)


def purge(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Purge these deleted assets (all or nothing).

    Raises:
        NotFound: an id is not readable, or was merged into another asset.
        PermissionDenied: the actor may not delete the asset.
        Conflict: the asset is not deleted, or has files on a storage.
    """
    if not ids:
        return
    # FOR UPDATE: a concurrent restore or merge waits until the rows are gone.
    queue = session.execute(
        select(Asset.id, Asset.title, Asset.status, HAS_FILES, permitted(actor, KIND, Asset.id, Permission.DELETE))
        .where(Asset.id.in_(ids), Asset.merged_into.is_(None), readable_by(actor, KIND, Asset.id))
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


def purge_batch(session: Session, recycle_seconds: float, limit: int = 500, asked_at: datetime | None = None) -> int:
    """Purge up to `limit` assets deleted `recycle_seconds` before `asked_at` (default: now); return the count."""
    # SKIP LOCKED: parallel purges divide the queue, and rows that are being restored stay.
    ids = session.scalars(
        select(Asset.id)
        .where(
            Asset.status == AssetStatus.DELETED,
            Asset.merged_into.is_(None),
            Asset.date_deleted < func.coalesce(asked_at, func.now()) - func.make_interval(*[0] * 6, recycle_seconds),
            ~HAS_FILES,
        )
        .order_by(Asset.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    _remove(session, ids)
    return len(ids)


def _remove(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Delete assets together with those that were merged into them, which have no survivor to resolve to any more."""
    merged = session.scalars(select(Asset.id).where(among(Asset.merged_into, ids)).order_by(Asset.id).with_for_update())
    ids = [*ids, *merged]
    remove_holdings(session, ids)
    # The trigger mark_asset_delete marks the documents, without hiding already deleted ones from searches again.
    session.execute(delete(Asset).where(among(Asset.id, ids)).execution_options(synchronize_session=False))


def request_purge(session: Session, actor: Actor) -> Job:
    """Create a job that purges the assets deleted by now; assets deleted later are not part of it."""
    job = Job(id=new_id(), type="DELETE", title="Purge all deleted assets", task=TASK, created_by=actor.user_id)
    session.add(job)
    session.flush()
    return job


@shared_task(name=TASK, bind=True, ignore_result=True)
def purge_deleted(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the purge jobs with these ids."""
    context = self.app.context
    run_purge(context.sessions, [uuid.UUID(job_id) for job_id in job_ids], context.timing)


def run_purge(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> int:
    """Purge batch by batch, each in its own transaction, until the delete queue is empty or the job is stopped.

    Jobs that are leased by another worker or have ended are skipped.

    Returns:
        Number of purged assets.
    """
    gone = 0
    for claim in transact(sessions, lambda session: claim_jobs(session, TASK, job_ids, timing)):
        with about_job(claim):
            gone += _run(sessions, claim, timing)
    return gone


def _run(sessions: Sessions, claim: JobClaim, timing: Timing) -> int:
    gone, stopped = 0, False
    while not stopped:
        batch, stopped = transact(sessions, lambda session, gone=gone: _purge_fenced(session, claim, gone, timing))
        gone += batch
        if batch == 0:
            break
    status = JobStatus.ABORTED if stopped else JobStatus.FINISHED
    transact(sessions, lambda session: end_job(session, claim, status, f"{gone} assets were purged"))
    return gone


def _purge_fenced(session: Session, claim: JobClaim, gone: int, timing: Timing) -> tuple[int, bool]:
    """Purge one batch under the job's lease; return the count and whether to stop.

    The heartbeat locks the job's row until the commit, so a worker that lost its lease cannot purge.
    """
    if keep_job(session, claim, timing):
        return 0, True
    asked_at = session.scalar(select(Job.date_created).where(Job.id == claim.id))
    batch = purge_batch(session, recycle_seconds=0, asked_at=asked_at)
    done = claim.processed + gone + batch
    keep_job(session, claim, timing, Progress(processed=done, total=done))
    return batch, False
