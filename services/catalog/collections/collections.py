"""Create, find, update and place collections. Their changes are recorded in the audit log."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.collection import COLLECTION_KIND, MAX_COLLECTION_DEPTH, Collection, CollectionStatus
from models.catalog.storage import Storage
from models.core.base import new_id
from services.access.lookup import find_permitted
from services.catalog.assets.assets import creator_acl_entry
from services.core.audit_log import record_audit
from services.core.errors import Conflict, ValidationFailed, refuse_deleted

# Advisory lock. A move rewrites the paths below a collection, and a creation copies its parent's path. Row locks cannot
# order the two: a row inserted meanwhile is invisible to the waiting move. So creations share it, moves take it alone.
TREE_LOCK_KEY = 0x7461_7065_0001
LOCK_TREE_SHARED = text(f"SELECT pg_advisory_xact_lock_shared({TREE_LOCK_KEY})")
LOCK_TREE = text(f"SELECT pg_advisory_xact_lock({TREE_LOCK_KEY})")


def find_collection(
    session: Session,
    actor: Actor,
    collection_id: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> Collection:
    """Return the collection if the actor has `permission` on it."""
    return find_permitted(session, actor, Collection, collection_id, permission, lock=lock)


def get_collection_for_update(session: Session, actor: Actor, collection_id: uuid.UUID) -> Collection:
    """Return the collection, locked, if the actor may write it; Conflict if it is deleted."""
    collection = find_collection(session, actor, collection_id, Permission.WRITE, lock=True)
    refuse_deleted_collection(collection)
    return collection


def refuse_deleted_collection(collection: Collection) -> None:
    """Raise Conflict for a deleted collection."""
    refuse_deleted(f'the collection "{collection.title}"', collection.status == CollectionStatus.DELETED)


def refuse_mirrored_collection(session: Session, collection: Collection) -> None:
    """Raise Conflict for a collection that mirrors a folder, which determines its title and parent, while its storage
    asks for it."""
    if collection.folder_id is None or collection.storage_id is None:
        return
    settings = session.scalar(select(Storage.settings).where(Storage.id == collection.storage_id)) or {}
    if settings.get("enable_collection_directory_mapping"):
        raise Conflict(f'the collection "{collection.title}" mirrors a folder: rename or move the folder instead')


def create_collection(session: Session, collection: Collection, actor: Actor) -> Collection:
    """Create a collection, at the root or in one that the actor may write; its creator gets all permissions."""
    collection.id, collection.created_by_user = new_id(), actor.user_id
    collection.path = [collection.id]
    if collection.parent_id is not None:
        session.execute(LOCK_TREE_SHARED)
        parent = get_collection_for_update(session, actor, collection.parent_id)
        refuse_too_deep(parent, 1)
        collection.path = [*parent.path, collection.id]
    # Triggers mark_collection_insert and mark_collection_readers_insert queue the document for indexing.
    session.add(collection)
    if actor.user_id is not None:
        session.add(creator_acl_entry(collection.id, actor.user_id, COLLECTION_KIND))
    record_audit(session, COLLECTION_KIND, collection.id, f'collection "{collection.title}" was created', actor)
    session.flush()
    return collection


def refuse_too_deep(parent: Collection, levels: int) -> None:
    """Raise ValidationFailed if `levels` more would exceed the maximum depth."""
    if len(parent.path) + levels > MAX_COLLECTION_DEPTH:
        raise ValidationFailed(
            "parent_id", f'"{parent.title}" is too deep: collections are nested {MAX_COLLECTION_DEPTH} levels at most'
        )


EDITABLE_COLLECTION_COLUMNS = frozenset({"title", "external_id", "storage_id"})


def update_collection(
    session: Session, collection_id: uuid.UUID, changes: Mapping[str, Any], actor: Actor
) -> Collection:
    """Update columns and details of a collection; equal values are no change."""
    collection = get_collection_for_update(session, actor, collection_id)
    before = {**collection.details, **{name: getattr(collection, name) for name in EDITABLE_COLLECTION_COLUMNS}}
    changed = {name: value for name, value in changes.items() if before.get(name) != value}
    if changed.keys() & {"title", "storage_id"}:
        refuse_mirrored_collection(session, collection)
    for name, value in changed.items():
        if name in EDITABLE_COLLECTION_COLUMNS:
            setattr(collection, name, value)
        else:
            kept = {**collection.details, name: value}
            collection.details = {key: one for key, one in kept.items() if one is not None}
    if changed:
        # Flushing fires mark_collection_update, which queues the document for indexing.
        collection.date_modified = func.now()
        said = ", ".join(f'{name} is now "{str(value)[:200]}"' for name, value in changed.items())
        record_audit(session, COLLECTION_KIND, collection_id, said, actor)
        session.flush()
    return collection
