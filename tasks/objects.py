"""Objects that values, approvals, shares and comments hang on, found by type and id in one way.

Routes say `/{object_type}/{object_id}/…` for every kind alike, so finding, refusing and telling are the same for all.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.acl import Actor, Permission
from models.asset import AssetStatus
from models.collection import CollectionStatus
from models.history import Operation
from models.segment import SegmentStatus
from tasks.assets import find_asset
from tasks.collections import find_collection
from tasks.history import record
from tasks.refusals import Conflict, Invalid
from tasks.segments import find_any_segment, may_change, may_write


@dataclass(frozen=True, slots=True)
class Found:
    """An object that the actor may see, as those that hang something on it need it."""

    object_type: str
    id: uuid.UUID
    """Of the living one: an asset that was merged away is found as its survivor."""
    title: str
    is_deleted: bool
    version_id: uuid.UUID | None = None
    history_of: uuid.UUID | None = None
    """The asset in whose history it is told what happened to the object; a collection has none."""


Finder = Callable[[Session, Actor, uuid.UUID, Permission, bool], Found]


def _find_asset(session: Session, actor: Actor, asset_id: uuid.UUID, permission: Permission, lock: bool) -> Found:
    asset = find_asset(session, actor, asset_id, permission, lock=lock)
    return Found("assets", asset.id, asset.title, asset.status == AssetStatus.DELETED, asset.id, asset.id)


def _find_collection(session: Session, actor: Actor, key: uuid.UUID, permission: Permission, lock: bool) -> Found:
    collection = find_collection(session, actor, key, permission, lock=lock)
    return Found("collections", collection.id, collection.title, collection.status == CollectionStatus.DELETED)


def _find_segment(session: Session, actor: Actor, key: uuid.UUID, permission: Permission, lock: bool) -> Found:
    """A segment is read with its asset, and written by its author or whoever may write the asset."""
    held = find_any_segment(session, actor, key, lock=lock)
    asset, segment = held.asset, held.segment
    if permission != Permission.READ:
        may_change(actor, asset, segment, may_write=may_write(session, actor, asset))
    is_deleted = segment.status == SegmentStatus.DELETED or asset.status == AssetStatus.DELETED
    title = f"{segment.segment_type} of {asset.title}"
    return Found("segments", segment.id, title, is_deleted, segment.version_id, asset.id)


FINDERS: dict[str, Finder] = {"assets": _find_asset, "collections": _find_collection, "segments": _find_segment}
"""By the API's word; each refuses like `tasks.assets.find_asset`: missing where unreadable, denied where read only."""


def find_object(
    session: Session,
    actor: Actor,
    object_type: str,
    object_id: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> Found:
    """The object, if the actor has the permission on it."""
    if object_type not in FINDERS:
        raise Invalid("object_type", f'"{object_type[:80]}" is no kind of object; known are {", ".join(FINDERS)}')
    return FINDERS[object_type](session, actor, object_id, permission, lock)


def find_object_for_change(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID) -> Found:
    """The object, locked, if the actor may write it and nobody deleted it."""
    found = find_object(session, actor, object_type, object_id, Permission.WRITE, lock=True)
    if found.is_deleted:
        raise Conflict(f'"{found.title}" is deleted; restore it first')
    return found


def tell(session: Session, found: Found, operation: Operation, description: str, actor: Actor) -> None:
    """History of what happened to an object, where its kind has one."""
    if found.history_of is not None:
        record(session, found.history_of, operation, description, actor)
