"""Purge of deleted assets and collections: remove rows for good once the recycle period is over.

History stays. Assets with files on a storage stay too, and so do merged assets, which still resolve to their survivor.
The assets of a collection stay. A few collections are purged within the request, many by a job, because each is removed
with every row that refers to it."""

import uuid
from collections.abc import Callable, Sequence
from collections.abc import Collection as Several
from datetime import datetime

from sqlalchemy import Delete, delete, exists, func, select, text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor, Permission, has_permission, readable_by
from models.access.share import Share
from models.catalog.approval import Approval
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus, FileSet, FileSetFile
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus, Favorite
from models.catalog.metadata import delete_values
from models.core.statements import in_array
from models.queues.job import Job
from services.catalog.collections.collections import LOCK_TREE, find_collection
from services.core.audit_log import record_audit
from services.core.errors import Conflict, NotFound, PermissionDenied
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches
from services.lifecycle.merge import delete_dependents
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
    delete_asset_rows(session, sorted(found))


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
    delete_asset_rows(session, ids)
    return len(ids)


def delete_asset_rows(session: Session, ids: Sequence[uuid.UUID]) -> None:
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


def purge_jobs(task: str, purge: Callable[[Session, datetime], int], what: str) -> JobKind:
    """Return the jobs that purge, in batches, the objects that were deleted when the job was requested."""

    def purge_batch(session: Session, run: JobRun, _place: BatchCursor) -> tuple[int, BatchCursor | None]:
        gone = purge(session, run.claim.date_created)
        return gone, {} if gone else None

    return JobKind(task, batches(purge_batch, f"{what} were purged"))


PURGE_ASSETS_JOBS = purge_jobs(
    PURGE_ASSETS_TASK, lambda session, asked_at: purge_asset_batch(session, 0, asked_at=asked_at), "assets"
)
PURGE_COLLECTIONS_JOBS = purge_jobs(
    PURGE_COLLECTIONS_TASK,
    lambda session, asked_at: purge_collection_batch(session, 0, asked_at=asked_at),
    "collections",
)
