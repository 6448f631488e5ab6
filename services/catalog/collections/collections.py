"""Create, find, update and place collections. Their changes are recorded in the audit log."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, bindparam, func, select, text, true
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_grant, readable_by
from models.catalog.collection import COLLECTION_KIND, MAX_COLLECTION_DEPTH, Collection, CollectionStatus
from models.catalog.storage import Storage
from models.core.base import new_id
from services.catalog.assets.assets import creator_acl_entry
from services.core.audit_log import record_audit
from services.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from services.core.rows import refuse_deleted

# Advisory lock. A move rewrites the paths below a collection, and a creation copies its parent's path. Row locks cannot
# order the two: a row inserted meanwhile is invisible to the waiting move. So creations share it, moves take it alone.
TREE_LOCK_KEY = 0x7461_7065_0001
LOCK_TREE_SHARED = text(f"SELECT pg_advisory_xact_lock_shared({TREE_LOCK_KEY})")
LOCK_TREE = text(f"SELECT pg_advisory_xact_lock({TREE_LOCK_KEY})")


@dataclass(frozen=True, slots=True)
class NewCollection:
    """A collection to be created by a client."""

    title: str
    parent_id: uuid.UUID | None = None
    external_id: str | None = None
    storage_id: uuid.UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@cache
def _collection_query(permission: Permission, lock: bool, is_admin: bool, is_reached: bool) -> Select[Collection, bool]:
    """Build the statement of `find_collection`, cached like that of assets."""
    found = Collection.id == bindparam("collection")
    if is_admin:
        query = select(Collection, true()).where(found)
    else:
        principals = bindparam("principals", type_=ARRAY(Uuid))
        reads, may = (
            has_grant(
                *(COLLECTION_KIND, Collection.id, each, principals),
                bindparam(each.name, type_=ARRAY(Uuid)) if is_reached else None,
            )
            for each in (Permission.READ, permission)
        )
        query = select(Collection, may).where(found, reads)
    return query.with_for_update(of=Collection, key_share=True) if lock else query


def find_collection(
    session: Session,
    actor: Actor,
    collection_id: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> Collection:
    """Return the collection, deleted ones included, as for assets.

    Raises:
        NotFound: it does not exist, or the actor may not read it.
        PermissionDenied: the actor may read it but lacks `permission`.
    """
    if actor.guest is not None:
        return _find_for_guest(session, actor, collection_id, permission)
    is_reached = bool(actor.propagating)
    query = _collection_query(permission, lock, actor.is_admin, is_reached)
    reaching = {each.name: actor.reaching(each) for each in (Permission.READ, permission)} if is_reached else {}
    values = {"collection": collection_id, "principals": actor.principal_ids, **reaching}
    row = session.execute(query, values, execution_options={"populate_existing": lock}).first()
    if row is None:
        raise NotFound("collection", collection_id)
    collection, may = row
    if not may:
        raise PermissionDenied(f'you may read the collection "{collection.title}", but not "{permission}" it')
    return collection


def _find_for_guest(session: Session, actor: Actor, collection_id: uuid.UUID, permission: Permission) -> Collection:
    """Return a collection that a share opens to a guest, who may only read it."""
    readable = readable_by(actor, COLLECTION_KIND, Collection.id)
    found = session.scalar(select(Collection).where(Collection.id == collection_id, readable))
    if found is None or found.status == CollectionStatus.DELETED:
        raise NotFound("collection", collection_id)
    if permission != Permission.READ:
        raise PermissionDenied(f'you may read the collection "{found.title}", but not "{permission}" it')
    return found


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


def create_collection(session: Session, new: NewCollection, actor: Actor) -> Collection:
    """Create a collection, at the root or in one that the actor may write; its creator gets all permissions."""
    identity, above = new_id(), []
    if new.parent_id is not None:
        session.execute(LOCK_TREE_SHARED)
        parent = get_collection_for_update(session, actor, new.parent_id)
        refuse_too_deep(parent, 1)
        above = parent.path
    collection = Collection(
        id=identity,
        title=new.title,
        parent_id=new.parent_id,
        path=[*above, identity],
        external_id=new.external_id,
        storage_id=new.storage_id,
        details=dict(new.details),
        created_by_user=actor.user_id,
    )
    # Triggers mark_collection_insert and mark_collection_readers_insert queue the document for indexing.
    session.add(collection)
    if actor.user_id is not None:
        session.add(creator_acl_entry(identity, actor.user_id, COLLECTION_KIND))
    record_audit(session, COLLECTION_KIND, identity, f'collection "{new.title}" was made', actor)
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
    changed = {name: value for name, value in changes.items() if _current_value(collection, name) != value}
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


def _current_value(collection: Collection, name: str) -> Any:
    return getattr(collection, name) if name in EDITABLE_COLLECTION_COLUMNS else collection.details.get(name)
