"""Create, update, delete and restore assets. Each change writes its history in the same transaction."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

import models.registry  # noqa: F401 - a flush follows foreign keys to tables that nothing here names (asset to island)
from models.access.acl import (
    ALL_PERMISSIONS,
    AclEntry,
    Actor,
    Permission,
    PrincipalKind,
)
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.history import Operation
from models.core.base import new_id
from services.access.lookup import find_permitted
from services.core.errors import ValidationFailed, refuse_deleted
from services.core.history import record_history


def create_empty_asset(session: Session, asset: Asset, actor: Actor) -> Asset:
    """Create an asset without files; its creator gets all permissions."""
    asset.id, asset.title_by_hand = new_id(), True
    asset.created_by_user = asset.updated_by_user = actor.user_id
    # Triggers mark_asset_insert and mark_acl_entry_insert queue the document for indexing.
    session.add(asset)
    if actor.user_id is not None:
        session.add(creator_acl_entry(asset.id, actor.user_id))
    record_history(session, asset.id, Operation.VERSION_CREATE, f'asset "{asset.title}" was created', actor)
    session.flush()
    return asset


def creator_acl_entry(object_id: uuid.UUID, user_id: uuid.UUID, object_type: str = ASSET_KIND) -> AclEntry:
    """Build the ACL entry that gives the creator of an object all permissions."""
    return AclEntry(
        object_id=object_id,
        object_type=object_type,
        principal_id=user_id,
        principal_kind=PrincipalKind.USER,
        permissions=list(ALL_PERMISSIONS),
    )


def find_asset(
    session: Session,
    actor: Actor,
    asset_id: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> Asset:
    """Return the asset, or the survivor it was merged into, if the actor has `permission` on it."""
    return find_permitted(session, actor, Asset, asset_id, permission, lock=lock)


def get_asset_for_update(session: Session, actor: Actor, asset_id: uuid.UUID) -> Asset:
    """Return the asset, locked, if the actor may write it; Conflict if it is deleted."""
    asset = find_asset(session, actor, asset_id, Permission.WRITE, lock=True)
    refuse_deleted_asset(asset)
    return asset


def refuse_deleted_asset(asset: Asset) -> None:
    """Raise Conflict for a deleted asset."""
    refuse_deleted(f'the asset "{asset.title}"', asset.status == AssetStatus.DELETED)


def update_asset(session: Session, asset_id: uuid.UUID, changes: Mapping[str, Any], actor: Actor) -> Asset:
    """Update columns and details of an asset; equal values are no change."""
    asset = get_asset_for_update(session, actor, asset_id)
    told = []
    for name, value in changes.items():
        before = getattr(asset, name) if name in EDITABLE_ASSET_COLUMNS else asset.details.get(name)
        if before == value:
            continue
        told.append(f"{name} changed from {_quote_value(before)} to {_quote_value(value)}")
        _set_asset_value(asset, name, value)
    if told:
        asset.title_by_hand = asset.title_by_hand or "title" in changes
        # Flushing fires mark_asset_update, which queues the document for indexing.
        asset.updated_by_user = actor.user_id
        asset.date_modified = func.now()
        record_history(session, asset.id, Operation.CUSTOM, "; ".join(told), actor)
        session.flush()
    return asset


EDITABLE_ASSET_COLUMNS = frozenset({"title", "type", "external_id"})


def _set_asset_value(asset: Asset, name: str, value: Any) -> None:
    if name in EDITABLE_ASSET_COLUMNS:
        setattr(asset, name, value)
    else:
        kept = {**asset.details, name: value}
        asset.details = {key: one for key, one in kept.items() if one is not None}


def _quote_value(value: Any) -> str:
    """Format a value for a sentence."""
    return "nothing" if value is None else f'"{str(value)[:200]}"'


def delete_asset(session: Session, asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Move an asset to the delete queue: hidden from lists and search at once, restorable until purged."""
    asset = find_asset(session, actor, asset_id, Permission.DELETE, lock=True)
    if asset.status == AssetStatus.ACTIVE:
        # Triggers mark_asset_update and mark_segments_of_asset_update mark it and its segments as hidden, so searches
        # leave them out until they are reindexed.
        asset.status = AssetStatus.DELETED
        asset.date_deleted = func.now()
        asset.deleted_by_user = actor.user_id
        record_history(session, asset.id, Operation.DELETE, f'asset "{asset.title}" was deleted', actor)
        session.flush()
    return asset


def restore_asset(session: Session, asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Restore an asset from the delete queue."""
    asset = find_asset(session, actor, asset_id, Permission.DELETE, lock=True)
    if asset.status == AssetStatus.DELETED:
        # Triggers mark_asset_update and mark_segments_of_asset_update queue the documents.
        asset.status = AssetStatus.ACTIVE
        asset.date_deleted = None
        asset.deleted_by_user = None
        record_history(session, asset.id, Operation.RESTORE, f'asset "{asset.title}" was restored', actor)
        session.flush()
    return asset


MAX_ASSETS_PER_REQUEST = 1000


def delete_assets(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Delete many assets, all or none, in id order so that concurrent requests cannot deadlock."""
    for asset_id in _sorted_asset_ids(ids):
        delete_asset(session, asset_id, actor)


def restore_assets(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Restore many assets; all or none."""
    for asset_id in _sorted_asset_ids(ids):
        restore_asset(session, asset_id, actor)


def _sorted_asset_ids(ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    if len(ids) > MAX_ASSETS_PER_REQUEST:
        raise ValidationFailed("ids", f"at most {MAX_ASSETS_PER_REQUEST} at once, not {len(ids)}")
    return sorted(set(ids))
