"""Collections as people make, find, change and place them. What happened to one stands in the audit log."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, bindparam, func, select, text, true
from sqlalchemy.orm import Session

from models.acl import Actor, Permission, granted, readable_by
from models.base import new_id
from models.collection import DEEPEST, Collection, CollectionStatus
from models.storage import Storage
from tasks.assets import creators_entry
from tasks.audit import note
from tasks.refusals import Conflict, Denied, Invalid, Missing

KIND = "collections"

# Paths below a collection are rewritten by a move and copied by whoever makes one there. Rows alone cannot order the
# two: a new row is invisible to a move that waited for its maker. So makers share a lock that a move has alone.
TREE = 0x7461_7065_0001
SHARE_TREE = text(f"SELECT pg_advisory_xact_lock_shared({TREE})")
HOLD_TREE = text(f"SELECT pg_advisory_xact_lock({TREE})")


@dataclass(frozen=True, slots=True)
class NewCollection:
    """What a client says of a collection that it makes."""

    title: str
    parent_id: uuid.UUID | None = None
    external_id: str | None = None
    storage_id: uuid.UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@cache
def _finder(permission: Permission, lock: bool, is_admin: bool, is_reached: bool) -> Select[tuple[Collection, bool]]:
    """The statement of `find_collection`, built once, as that of assets."""
    found = Collection.id == bindparam("collection")
    if is_admin:
        query = select(Collection, true()).where(found)
    else:
        principals = bindparam("principals", type_=ARRAY(Uuid))
        reads, may = (
            granted(
                *(KIND, Collection.id, each, principals),
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
    """The collection, if the actor has the permission: missing where it may not read it, denied where it only reads.

    Deleted ones are found, as deleted assets are.
    """
    if actor.guest is not None:
        return _find_for_guest(session, actor, collection_id, permission)
    is_reached = bool(actor.propagating)
    query = _finder(permission, lock, actor.is_admin, is_reached)
    reaching = {each.name: actor.reaching(each) for each in (Permission.READ, permission)} if is_reached else {}
    values = {"collection": collection_id, "principals": actor.principal_ids, **reaching}
    row = session.execute(query, values, execution_options={"populate_existing": lock}).first()
    if row is None:
        raise Missing("collection", collection_id)
    collection, may = row
    if not may:
        raise Denied(f'you may read the collection "{collection.title}", but not "{permission}" it')
    return collection


def _find_for_guest(session: Session, actor: Actor, collection_id: uuid.UUID, permission: Permission) -> Collection:
    """What a share opens to somebody outside, which reads it and no more."""
    readable = readable_by(actor, KIND, Collection.id)
    found = session.scalar(select(Collection).where(Collection.id == collection_id, readable))
    if found is None or found.status == CollectionStatus.DELETED:
        raise Missing("collection", collection_id)
    if permission != Permission.READ:
        raise Denied(f'you may read the collection "{found.title}", but not "{permission}" it')
    return found


def find_for_change(session: Session, actor: Actor, collection_id: uuid.UUID) -> Collection:
    """The collection, locked, if the actor may write it and nobody deleted it."""
    collection = find_collection(session, actor, collection_id, Permission.WRITE, lock=True)
    refuse_deleted(collection)
    return collection


def refuse_deleted(collection: Collection) -> None:
    """Nothing is changed in a collection that was deleted."""
    if collection.status == CollectionStatus.DELETED:
        raise Conflict(f'the collection "{collection.title}" is deleted; restore it first')


def refuse_mirrored(session: Session, collection: Collection) -> None:
    """A collection that mirrors a folder has its name and place, as long as its storage asks for that."""
    if collection.folder_id is None or collection.storage_id is None:
        return
    settings = session.scalar(select(Storage.settings).where(Storage.id == collection.storage_id)) or {}
    if settings.get("enable_collection_directory_mapping"):
        raise Conflict(f'the collection "{collection.title}" mirrors a folder: rename or move the folder instead')


def create_collection(session: Session, new: NewCollection, actor: Actor) -> Collection:
    """Make a collection, at the root or in another that the actor writes; its maker may do everything with it."""
    identity, above = new_id(), []
    if new.parent_id is not None:
        session.execute(SHARE_TREE)
        parent = find_for_change(session, actor, new.parent_id)
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
    session.add(collection)
    if actor.user_id is not None:
        session.add(creators_entry(identity, actor.user_id, KIND))
    note(session, KIND, identity, f'collection "{new.title}" was made', actor)
    session.flush()
    return collection


def refuse_too_deep(parent: Collection, levels: int) -> None:
    """Refuse what would reach below the deepest level."""
    if len(parent.path) + levels > DEEPEST:
        raise Invalid("parent_id", f'"{parent.title}" is too deep: collections are nested {DEEPEST} levels at most')


COLUMNS = frozenset({"title", "external_id", "storage_id"})


def change_collection(
    session: Session, collection_id: uuid.UUID, changes: Mapping[str, Any], actor: Actor
) -> Collection:
    """Set columns and details of a collection; what is the same already is no change."""
    collection = find_for_change(session, actor, collection_id)
    changed = {name: value for name, value in changes.items() if _value(collection, name) != value}
    if changed.keys() & {"title", "storage_id"}:
        refuse_mirrored(session, collection)
    for name, value in changed.items():
        if name in COLUMNS:
            setattr(collection, name, value)
        else:
            kept = {**collection.details, name: value}
            collection.details = {key: one for key, one in kept.items() if one is not None}
    if changed:
        collection.date_modified = func.now()  # type: ignore[assignment]
        said = ", ".join(f'{name} is now "{str(value)[:200]}"' for name, value in changed.items())
        note(session, KIND, collection_id, said, actor)
        session.flush()
    return collection


def _value(collection: Collection, name: str) -> Any:
    return getattr(collection, name) if name in COLUMNS else collection.details.get(name)
