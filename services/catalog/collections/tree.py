"""The collection tree: move with all descendants, delete and restore as one.

A move holds the tree lock exclusively and reads paths only then, so that two moves never create a cycle and nothing is
created on a path that is being rewritten. The many descendants of a deleted collection are deleted by a job.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, not_, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission, readable_by
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus
from models.core.statements import execute_dml
from models.queues.job import Job
from services.catalog.collections.collections import (
    LOCK_TREE,
    find_collection,
    get_collection_for_update,
    refuse_mirrored_collection,
    refuse_too_deep,
)
from services.catalog.collections.permissions import delete_inherited_permissions
from services.core.audit_log import record_audit
from services.core.errors import Conflict, DomainError, PermissionDenied
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

MAX_COLLECTIONS_PER_DELETE = 500
"""Collections that a request deletes itself; more become a job. Each deletion excludes one from search by id until it
is reindexed, and searches wait while there are too many."""

# No lock needed here: every caller holds LOCK_TREE. Paths are in no document, so mark_collection_update marks nothing.
REWRITE_PATHS = text("""
    UPDATE collection SET path = CAST(:above AS uuid[]) || path[CAST(:start AS integer)\\:]
    WHERE path @> ARRAY[CAST(:id AS uuid)]
""")


def is_in_subtree(collection_id: uuid.UUID) -> ColumnElement[bool]:
    """Build the condition for the collections of a subtree, its root included."""
    return Collection.path.contains([collection_id])


def move_collection(
    session: Session, collection_id: uuid.UUID, parent_id: uuid.UUID | None, actor: Actor
) -> Collection:
    """Move a collection to another parent, or to the root.

    Permissions of the new parent may propagate into it, so this needs permission to change its ACL, and to write both
    parents.
    """
    session.execute(LOCK_TREE)
    collection = get_collection_for_update(session, actor, collection_id)
    if collection.parent_id == parent_id:
        return collection
    find_collection(session, actor, collection_id, Permission.CHANGE_ACL)
    refuse_mirrored_collection(session, collection)
    if collection.parent_id is not None:
        _require_write_on_parent(session, collection.parent_id, actor)
        delete_inherited_permissions(session, COLLECTION_KIND, collection.id, collection.parent_id)
    above: list[uuid.UUID] = []
    if parent_id is not None:
        parent = get_collection_for_update(session, actor, parent_id)
        if collection.id in parent.path:
            raise Conflict(f'"{parent.title}" is inside "{collection.title}": a collection never holds itself')
        depths = select(func.max(func.cardinality(Collection.path))).where(is_in_subtree(collection.id))
        deepest = session.scalars(depths).one()
        refuse_too_deep(parent, deepest - len(collection.path) + 1)
        above = parent.path
    session.execute(REWRITE_PATHS, {"above": above, "start": len(collection.path), "id": collection.id})
    # Flushing fires mark_collection_update for the moved collection alone: no other document names its parent.
    collection.parent_id = parent_id
    collection.position = None
    collection.date_modified = func.now()
    record_audit(session, COLLECTION_KIND, collection.id, f"was moved into {parent_id or 'the root'}", actor)
    session.flush()
    session.refresh(collection)
    return collection


def _require_write_on_parent(session: Session, parent_id: uuid.UUID, actor: Actor) -> None:
    """Require write permission on the current parent, without naming one that the actor may not read."""
    try:
        find_collection(session, actor, parent_id, Permission.WRITE)
    except DomainError:
        raise PermissionDenied(
            "you may not write the collection that it is in, so you may not move it out of there"
        ) from None


def attach_collection(session: Session, parent_id: uuid.UUID, collection_id: uuid.UUID, actor: Actor) -> None:
    """Move a collection without a parent into another; Conflict if it has a different parent."""
    collection = find_collection(session, actor, collection_id)
    if collection.parent_id not in (None, parent_id):
        raise Conflict(
            f'"{collection.title}" is in another collection already: move it by its parent_id, '
            "or copy it with subcollections/"
        )
    move_collection(session, collection_id, parent_id, actor)


def detach_collection(session: Session, parent_id: uuid.UUID, collection_id: uuid.UUID, actor: Actor) -> bool:
    """Move a collection out of another, to the root; returns whether it was inside."""
    find_collection(session, actor, parent_id, Permission.WRITE)
    inside = session.scalar(select(Collection.parent_id).where(Collection.id == collection_id)) == parent_id
    if inside:
        move_collection(session, collection_id, None, actor)
    return inside


def delete_collection(session: Session, collection_id: uuid.UUID, actor: Actor) -> int:
    """Move a collection with its descendants to the delete queue; assets in them stay.

    Returns:
        How many descendants are left for a job; the collection itself is hidden from lists and search at once.
    """
    session.execute(LOCK_TREE)
    collection = find_collection(session, actor, collection_id, Permission.DELETE, lock=True)
    if collection.status == CollectionStatus.DELETED:
        return 0
    may_not = not_(has_permission(actor, COLLECTION_KIND, Collection.id, Permission.DELETE))
    active = Collection.status == CollectionStatus.ACTIVE
    if session.scalar(select(Collection.id).where(is_in_subtree(collection_id), active, may_not).limit(1)):
        raise PermissionDenied(
            f'you lack delete permission on something inside "{collection.title}"; move it out first'
        )
    # Trigger mark_collection_update marks it as hidden until it is reindexed.
    collection.status = CollectionStatus.DELETED
    collection.date_deleted = func.now()
    collection.deleted_by_user = actor.user_id
    record_audit(session, COLLECTION_KIND, collection_id, f'collection "{collection.title}" was deleted', actor)
    session.flush()
    session.refresh(collection)
    left = session.scalar(select(func.count()).where(is_in_subtree(collection_id), active)) or 0
    if left <= MAX_COLLECTIONS_PER_DELETE:
        left -= delete_descendants(session, collection_id, MAX_COLLECTIONS_PER_DELETE)
    return left


# Reads the root in the same statement: once it is restored meanwhile, nothing more is deleted. Locked in id order, so
# that concurrent deletions cannot deadlock. Trigger mark_collection_update queues the documents.
DELETE_DESCENDANTS = text("""
    WITH root AS (
        SELECT id, date_deleted, deleted_by_user FROM collection WHERE id = :id AND status = 'DELETED'
    ), due AS (
        SELECT below.id, root.date_deleted, root.deleted_by_user FROM root
        JOIN collection AS below ON below.path @> ARRAY[root.id]
        WHERE below.status = 'ACTIVE' ORDER BY below.id LIMIT :limit FOR UPDATE OF below
    )
    UPDATE collection SET status = 'DELETED', date_deleted = due.date_deleted, deleted_by_user = due.deleted_by_user
    FROM due WHERE collection.id = due.id
""")


def delete_descendants(session: Session, collection_id: uuid.UUID, limit: int) -> int:
    """Delete up to `limit` descendants of a deleted collection, with its time, by which a restore finds them."""
    return execute_dml(session, DELETE_DESCENDANTS, {"id": collection_id, "limit": limit})


# Trigger mark_collection_update queues the documents. Descendants that were deleted separately have another date and
# stay.
RESTORE_SUBTREE = text("""
    UPDATE collection SET status = 'ACTIVE', date_deleted = NULL, deleted_by_user = NULL
    WHERE path @> ARRAY[CAST(:id AS uuid)] AND status = 'DELETED'
        AND date_deleted IS NOT DISTINCT FROM :deleted
""")


def restore_collection(session: Session, collection_id: uuid.UUID, actor: Actor) -> Collection:
    """Restore a collection from the delete queue, with the descendants that were deleted with it."""
    session.execute(LOCK_TREE)
    collection = find_collection(session, actor, collection_id, Permission.DELETE, lock=True)
    if collection.status != CollectionStatus.DELETED:
        return collection
    above = session.get(Collection, collection.parent_id) if collection.parent_id else None
    if above is not None and above.status == CollectionStatus.DELETED:
        raise Conflict(f'the collection that holds "{collection.title}" is deleted too; restore that one')
    session.execute(RESTORE_SUBTREE, {"id": collection_id, "deleted": collection.date_deleted})
    record_audit(session, COLLECTION_KIND, collection_id, f'collection "{collection.title}" was restored', actor)
    session.refresh(collection)
    return collection


def readable_ancestors(session: Session, collection: Collection, actor: Actor) -> Sequence[Collection]:
    """Return the ancestors that the actor may read, the root first."""
    above = collection.path[:-1]
    rows = session.scalars(
        select(Collection).where(Collection.id.in_(above), readable_by(actor, COLLECTION_KIND, Collection.id))
    ).all()
    return sorted(rows, key=lambda row: above.index(row.id))


DELETE_COLLECTIONS_TASK = "maintenance.delete_collections"


def request_bulk_delete(session: Session, collection_id: uuid.UUID, left: int, actor: Actor) -> Job:
    """Create a job that deletes the remaining descendants of a deleted collection."""
    about = {"object_type": COLLECTION_KIND, "object_id": collection_id, "progress_total": left}
    title = "Delete the collections inside a deleted one"
    return add_job(session, DELETE_COLLECTIONS_TASK, "DELETE", title, actor, **about)


def delete_collections_batch(session: Session, run: JobRun, _place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Delete the next descendants; what is deleted already needs no cursor."""
    above = run.claim.object_id
    gone = delete_descendants(session, above, MAX_COLLECTIONS_PER_DELETE) if above else 0
    return gone, {} if gone else None


DELETE_COLLECTIONS_JOBS = JobKind(
    DELETE_COLLECTIONS_TASK, batches(delete_collections_batch, "collections were deleted")
)
