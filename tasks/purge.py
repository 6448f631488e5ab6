"""Removing for good what was deleted long enough ago. History stays; so do assets whose files are still on a disk, and
those that were merged into another, whose ids go on answering with it."""

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

# The row of such an asset is what tells the grouping that a person does not want it: without it, the files that are
# still there would make it anew.
# What Tapeless made of them goes with it.
HAS_FILES = exists().where(FileSet.asset_id == Asset.id, FileSetFile.file_set_id == FileSet.id, ~IS_RENDITION)


def purge(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Purge these deleted assets, or say which of them cannot be."""
    if not ids:
        return
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
    """Purge up to `limit` assets that were deleted `recycle_seconds` ago, or before `asked_at`; returns how many, for a
    job's progress."""
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
    """With the assets that ended in them: nobody is left to answer for those."""
    merged = session.scalars(select(Asset.id).where(among(Asset.merged_into, ids)).order_by(Asset.id).with_for_update())
    ids = [*ids, *merged]
    remove_holdings(session, ids)
    session.execute(delete(Asset).where(among(Asset.id, ids)).execution_options(synchronize_session=False))


def request_purge(session: Session, actor: Actor) -> Job:
    """A job that purges everything that is deleted by now; what is deleted while it waits or runs stays."""
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
    """Empty the delete queue batch by batch, each in its own transaction, until it is empty or somebody stops it.

    Returns how many assets went. A job that somebody else holds, or that has ended, is left alone.
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
    """One batch, of a job that is still ours; its row is locked until the batch is gone. Says whether to stop."""
    if keep_job(session, claim, timing):
        return 0, True
    asked_at = session.scalar(select(Job.date_created).where(Job.id == claim.id))
    batch = purge_batch(session, recycle_seconds=0, asked_at=asked_at)
    done = claim.processed + gone + batch
    keep_job(session, claim, timing, Progress(processed=done, total=done))
    return batch, False
