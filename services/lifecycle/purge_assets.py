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
from models.core.statements import in_array
from models.queues.job import Job
from services.core.errors import Conflict, NotFound, PermissionDenied
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches
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
    return add_job(session, PURGE_ASSETS_TASK, "DELETE", "Purge all deleted assets", actor)


def run_asset_purge_batch(session: Session, run: JobRun, _place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Purge a batch of the assets that were deleted when the job was requested."""
    gone = purge_asset_batch(session, recycle_seconds=0, asked_at=run.claim.date_created)
    return gone, {} if gone else None


PURGE_ASSETS_JOBS = JobKind(PURGE_ASSETS_TASK, batches(run_asset_purge_batch, "assets were purged"))
