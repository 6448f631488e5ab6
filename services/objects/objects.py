"""Look up assets, collections and segments alike, by type and id.

Routes of the form `/{object_type}/{object_id}/…` serve all kinds, so lookup, errors and history are the same for all.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import AssetStatus, Operation
from models.catalog.collection import CollectionStatus
from models.catalog.segment import SegmentStatus
from services.catalog.assets.assets import find_asset
from services.catalog.collections.collections import find_collection
from services.catalog.segments.access import find_segment_by_id, may_write_asset, require_author_or_writer
from services.core.errors import refuse_deleted, require_known
from services.core.history import record_history


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object that the actor may read, as its metadata, approvals and shares need it."""

    object_type: str
    id: uuid.UUID
    """Id of the survivor, for a merged asset."""
    title: str
    is_deleted: bool
    version_id: uuid.UUID | None = None
    history_of: uuid.UUID | None = None
    """The asset that records the object's history; None for collections."""


ObjectFinder = Callable[[Session, Actor, uuid.UUID, Permission, bool], ObjectRef]


def _find_asset(session: Session, actor: Actor, asset_id: uuid.UUID, permission: Permission, lock: bool) -> ObjectRef:
    asset = find_asset(session, actor, asset_id, permission, lock=lock)
    return ObjectRef("assets", asset.id, asset.title, asset.status == AssetStatus.DELETED, asset.id, asset.id)


def _find_collection(session: Session, actor: Actor, key: uuid.UUID, permission: Permission, lock: bool) -> ObjectRef:
    collection = find_collection(session, actor, key, permission, lock=lock)
    return ObjectRef("collections", collection.id, collection.title, collection.status == CollectionStatus.DELETED)


def _find_segment(session: Session, actor: Actor, key: uuid.UUID, permission: Permission, lock: bool) -> ObjectRef:
    """Read with its asset; written by its author or anyone who may write the asset."""
    held = find_segment_by_id(session, actor, key, lock=lock)
    asset, segment = held.asset, held.segment
    if permission != Permission.READ:
        require_author_or_writer(actor, asset, segment, may_write=may_write_asset(session, actor, asset))
    is_deleted = segment.status == SegmentStatus.DELETED or asset.status == AssetStatus.DELETED
    title = f"{segment.segment_type} of {asset.title}"
    return ObjectRef("segments", segment.id, title, is_deleted, segment.version_id, asset.id)


OBJECT_FINDERS: dict[str, ObjectFinder] = {
    "assets": _find_asset,
    "collections": _find_collection,
    "segments": _find_segment,
}
"""By object type; each raises NotFound if unreadable and PermissionDenied if only readable, like `find_asset`."""


def find_object(
    session: Session,
    actor: Actor,
    object_type: str,
    object_id: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> ObjectRef:
    """Return the object if the actor has `permission` on it."""
    require_known("object_type", object_type, OBJECT_FINDERS, "is no kind of object")
    return OBJECT_FINDERS[object_type](session, actor, object_id, permission, lock)


def get_object_for_update(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID) -> ObjectRef:
    """Return the object, locked, if the actor may write it; Conflict if it is deleted."""
    found = find_object(session, actor, object_type, object_id, Permission.WRITE, lock=True)
    refuse_deleted(f'"{found.title}"', found.is_deleted)
    return found


def record_object_history(
    session: Session, found: ObjectRef, operation: Operation, description: str, actor: Actor
) -> None:
    """Record history of an object, if its kind has one."""
    if found.history_of is not None:
        record_history(session, found.history_of, operation, description, actor)
