"""Look up assets, collections and segments alike, by type and id.

Routes of the form `/{object_type}/{object_id}/…` serve all kinds, so lookup, errors and history are the same for all.

Favorites of users are private, and only of objects that the user may read."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import AssetStatus
from models.catalog.collection import CollectionStatus, Favorite
from models.catalog.history import Operation
from models.catalog.segment import SegmentStatus
from models.core.statements import in_array
from services.catalog.assets.assets import find_asset
from services.catalog.collections.collections import find_collection
from services.catalog.segments.access import find_segment_by_id, may_write_asset, require_author_or_writer
from services.core.errors import PermissionDenied, refuse_deleted, require_known
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


FAVORITE_KINDS = ("assets", "collections")


def add_favorites(session: Session, object_type: str, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Add readable objects to the actor's favorites; all or none."""
    user_id = _user_of(actor)
    require_known("object_type", object_type, FAVORITE_KINDS, "is no favorite")
    found = sorted({find_object(session, actor, object_type, key).id for key in ids})
    rows = [{"user_id": user_id, "object_type": object_type, "object_id": key} for key in found]
    if rows:
        session.execute(insert(Favorite).values(rows).on_conflict_do_nothing())


def remove_favorites(session: Session, object_type: str, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Remove favorites, including objects that are no longer readable."""
    require_known("object_type", object_type, FAVORITE_KINDS, "is no favorite")
    mine = (Favorite.user_id == _user_of(actor), Favorite.object_type == object_type, in_array(Favorite.object_id, ids))
    session.execute(delete(Favorite).where(*mine).execution_options(synchronize_session=False))


def _user_of(actor: Actor) -> uuid.UUID:
    if actor.user_id is None:
        raise PermissionDenied("only users have favorites")
    return actor.user_id
