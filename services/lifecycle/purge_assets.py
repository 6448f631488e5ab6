"""Purge of deleted assets: remove rows for good once the recycle period is over.

History stays. Assets with files on a storage stay too, and so do merged assets, which still resolve to their survivor.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus, FileSet, FileSetFile
from models.core.base import new_id
from models.core.bulk import in_array
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.core.errors import Conflict, NotFound, PermissionDenied
from services.jobs.leases import JobClaim, Progress, claim_jobs, complete_job, heartbeat_job, job_context
from services.lifecycle.dependents_registry import delete_dependents
from services.renditions.registry import IS_RENDITION

PURGE_ASSETS_TASK = "maintenance.purge"

# While files exist, the deleted row keeps grouping from creating the asset again, so it must not be purged.
# Renditions do not count: they are purged with their asset.
HAS_STORAGE_FILES = exists().where(FileSet.asset_id == Asset.id, FileSetFile.file_set_id == FileSet.id, ~IS_RENDITION)


def purge_assets(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
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
        select(
            Asset.id,
            Asset.title,
            Asset.status,
            HAS_STORAGE_FILES,
            has_permission(actor, ASSET_KIND, Asset.id, Permission.DELETE),
        )
        .where(Asset.id.in_(ids), Asset.merged_into.is_(None), readable_by(actor, ASSET_KIND, Asset.id))
        .order_by(Asset.id)
        .with_for_update(of=Asset)
    ).all()
    found = {row.id for row in queue}
    for wanted in ids:
        if wanted not in found:
            raise NotFound("deleted asset", wanted)
    for _, title, status, has_files, may in queue:
        if not may:
            raise PermissionDenied(f'you may read the asset "{title}", but not "delete" it')
        if status != AssetStatus.DELETED:
            raise Conflict(f'the asset "{title}" is not deleted; delete it first')
        if has_files:
            raise Conflict(f'the asset "{title}" has files on a storage; remove them there first')
    _delete_assets(session, sorted(found))


def purge_asset_batch(
    session: Session, recycle_seconds: float, limit: int = 500, asked_at: datetime | None = None
) -> int:
    """Purge up to `limit` assets deleted `recycle_seconds` before `asked_at` (default: now); return the count."""
    # SKIP LOCKED: parallel purges divide the queue, and rows that are being restored stay.
    ids = session.scalars(
        select(Asset.id)
        .where(
            Asset.status == AssetStatus.DELETED,
            Asset.merged_into.is_(None),
            Asset.date_deleted < func.coalesce(asked_at, func.now()) - func.make_interval(*[0] * 6, recycle_seconds),
            ~HAS_STORAGE_FILES,
        )
        .order_by(Asset.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    _delete_assets(session, ids)
    return len(ids)


def _delete_assets(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Delete assets together with those that were merged into them, which have no survivor to resolve to any more."""
    merged = session.scalars(
        select(Asset.id).where(in_array(Asset.merged_into, ids)).order_by(Asset.id).with_for_update()
    )
    ids = [*ids, *merged]
    delete_dependents(session, ids)
    # The trigger mark_asset_delete marks the documents, without hiding already deleted ones from searches again.
    session.execute(delete(Asset).where(in_array(Asset.id, ids)).execution_options(synchronize_session=False))


def request_asset_purge(session: Session, actor: Actor) -> Job:
    """Create a job that purges the assets deleted by now; assets deleted later are not part of it."""
    job = Job(
        id=new_id(), type="DELETE", title="Purge all deleted assets", task=PURGE_ASSETS_TASK, created_by=actor.user_id
    )
    session.add(job)
    session.flush()
    return job


def run_asset_purge(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> int:
    """Purge batch by batch, each in its own transaction, until the delete queue is empty or the job is stopped.

    Jobs that are leased by another worker or have ended are skipped.

    Returns:
        Number of purged assets.
    """
    gone = 0
    for claim in transact(sessions, lambda session: claim_jobs(session, PURGE_ASSETS_TASK, job_ids, timing)):
        with job_context(claim):
            gone += _run_purge_job(sessions, claim, timing)
    return gone


def _run_purge_job(sessions: Sessions, claim: JobClaim, timing: Timing) -> int:
    gone, stopped = 0, False
    while not stopped:
        batch, stopped = transact(sessions, _purge_fenced, claim, gone, timing)
        gone += batch
        if batch == 0:
            break
    status = JobStatus.ABORTED if stopped else JobStatus.FINISHED
    transact(sessions, lambda session: complete_job(session, claim, status, f"{gone} assets were purged"))
    return gone


def _purge_fenced(session: Session, claim: JobClaim, gone: int, timing: Timing) -> tuple[int, bool]:
    """Purge one batch under the job's lease; return the count and whether to stop.

    The heartbeat locks the job's row until the commit, so a worker that lost its lease cannot purge.
    """
    if heartbeat_job(session, claim, timing):
        return 0, True
    asked_at = session.scalar(select(Job.date_created).where(Job.id == claim.id))
    batch = purge_asset_batch(session, recycle_seconds=0, asked_at=asked_at)
    done = claim.processed + gone + batch
    heartbeat_job(session, claim, timing, Progress(processed=done, total=done))
    return batch, False
