"""Create, update, delete and restore assets. Each change writes its history in the same transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, bindparam, func, select, true
from sqlalchemy.orm import Session

import models.tables  # noqa: F401 - a flush follows foreign keys to tables that nothing here names (asset to island)
from models.acl import ALL, AclEntry, Actor, Permission, PrincipalKind, granted, permitted, readable_by
from models.asset import Asset, AssetStatus, AssetType
from models.base import new_id
from models.history import Operation
from tasks.history import record
from tasks.refusals import Conflict, Denied, Invalid, Missing

KIND = "assets"


@dataclass(frozen=True, slots=True)
class NewAsset:
    """An asset to be created by a client."""

    title: str
    type: AssetType = AssetType.ASSET
    external_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def create_asset(session: Session, new: NewAsset, actor: Actor) -> Asset:
    """Create an asset without files; its creator gets all permissions."""
    asset = Asset(
        id=new_id(),
        title=new.title,
        title_by_hand=True,
        type=new.type,
        external_id=new.external_id,
        details=dict(new.details),
        created_by_user=actor.user_id,
        updated_by_user=actor.user_id,
    )
    session.add(asset)
    if actor.user_id is not None:
        session.add(creators_entry(asset.id, actor.user_id))
    record(session, asset.id, Operation.VERSION_CREATE, f'asset "{new.title}" was made', actor)
    session.flush()
    return asset


def creators_entry(object_id: uuid.UUID, user_id: uuid.UUID, object_type: str = KIND) -> AclEntry:
    """Build the ACL entry that gives the creator of an object all permissions."""
    return AclEntry(
        object_id=object_id,
        object_type=object_type,
        principal_id=user_id,
        principal_kind=PrincipalKind.USER,
        permissions=list(ALL),
    )


@cache
def _finder(permission: Permission, lock: bool, is_admin: bool, is_reached: bool) -> Select[tuple[Asset, bool]]:
    """Build the statement of `find_asset`, cached: building it took longer than running it (1.0 of 2.1 ms).

    `is_reached` says whether permissions of any collection propagate to the actor; if not, that part is left out.
    """
    survivor = select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == bindparam("asset"))
    found = Asset.id == survivor.scalar_subquery()
    if is_admin:
        query = select(Asset, true()).where(found)
    else:
        principals = bindparam("principals", type_=ARRAY(Uuid))
        reads, may = (
            granted(KIND, Asset.id, each, principals, bindparam(each.name, type_=ARRAY(Uuid)) if is_reached else None)
            for each in (Permission.READ, permission)
        )
        may = true() if permission == Permission.READ else may
        query = select(Asset, may).where(found, reads)
    return query.with_for_update(of=Asset, key_share=True) if lock else query


def _guest_finder(actor: Actor, permission: Permission, lock: bool) -> Select[tuple[Asset, bool]]:
    """Build the statement for a guest of a share, which never sees deleted assets."""
    survivor = select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == bindparam("asset"))
    query = select(Asset, permitted(actor, KIND, Asset.id, permission)).where(
        Asset.id == survivor.scalar_subquery(), Asset.status == AssetStatus.ACTIVE, readable_by(actor, KIND, Asset.id)
    )
    return query.with_for_update(of=Asset, key_share=True) if lock else query


def find_asset(
    session: Session,
    actor: Actor,
    asset_id: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> Asset:
    """Return the asset, or the survivor it was merged into, in one query.

    Raises:
        NotFound: it does not exist, or the actor may not read it.
        PermissionDenied: the actor may read it but lacks `permission`.
    """
    query = (
        _finder(permission, lock, actor.is_admin, bool(actor.propagating))
        if actor.guest is None
        else _guest_finder(actor, permission, lock)
    )
    reaching = {each.name: actor.reaching(each) for each in (Permission.READ, permission)} if actor.propagating else {}
    row = session.execute(query, {"asset": asset_id, "principals": actor.principal_ids, **reaching}).first()
    if row is None:
        raise Missing("asset", asset_id)
    asset, may = row
    if not may:
        raise Denied(f'you may read the asset "{asset.title}", but not "{permission}" it')
    return asset


def find_for_change(session: Session, actor: Actor, asset_id: uuid.UUID) -> Asset:
    """Return the asset, locked, if the actor may write it; Conflict if it is deleted."""
    asset = find_asset(session, actor, asset_id, Permission.WRITE, lock=True)
    if asset.status == AssetStatus.DELETED:
        raise Conflict(f'the asset "{asset.title}" is deleted; restore it first')
    return asset


def change_asset(session: Session, asset_id: uuid.UUID, changes: Mapping[str, Any], actor: Actor) -> Asset:
    """Update columns and details of an asset; equal values are no change."""
    asset = find_for_change(session, actor, asset_id)
    told = []
    for name, value in changes.items():
        before = getattr(asset, name) if name in COLUMNS else asset.details.get(name)
        if before == value:
            continue
        told.append(f"{name} changed from {_quoted(before)} to {_quoted(value)}")
        _set(asset, name, value)
    if told:
        asset.title_by_hand = asset.title_by_hand or "title" in changes
        # Flushing fires mark_asset_update, which queues the document for indexing.
        asset.updated_by_user = actor.user_id
        asset.date_modified = func.now()  # type: ignore[assignment]
        record(session, asset.id, Operation.CUSTOM, "; ".join(told), actor)
        session.flush()
    return asset


COLUMNS = frozenset({"title", "type", "external_id"})


def _set(asset: Asset, name: str, value: Any) -> None:
    if name in COLUMNS:
        setattr(asset, name, value)
    else:
        kept = {**asset.details, name: value}
        asset.details = {key: one for key, one in kept.items() if one is not None}


def _quoted(value: Any) -> str:
    """Format a value for a sentence."""
    return "nothing" if value is None else f'"{str(value)[:200]}"'


def delete_asset(session: Session, asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Move an asset to the delete queue: hidden from lists and search at once, restorable until purged."""
    asset = find_asset(session, actor, asset_id, Permission.DELETE, lock=True)
    if asset.status == AssetStatus.ACTIVE:
        # Trigger mark_asset_update marks it as hidden, so searches leave it out until it is reindexed.
        asset.status = AssetStatus.DELETED
        asset.date_deleted = func.now()  # type: ignore[assignment]
        asset.deleted_by_user = actor.user_id
        record(session, asset.id, Operation.DELETE, f'asset "{asset.title}" was deleted', actor)
        session.flush()
    return asset


def restore_asset(session: Session, asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Restore an asset from the delete queue."""
    asset = find_asset(session, actor, asset_id, Permission.DELETE, lock=True)
    if asset.status == AssetStatus.DELETED:
        asset.status = AssetStatus.ACTIVE
        asset.date_deleted = None
        asset.deleted_by_user = None
        record(session, asset.id, Operation.RESTORE, f'asset "{asset.title}" was restored', actor)
        session.flush()
    return asset


MOST_AT_ONCE = 1000


def delete_assets(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Delete many assets, all or none, in id order so that concurrent requests cannot deadlock."""
    for asset_id in _ordered(ids):
        delete_asset(session, asset_id, actor)


def restore_assets(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Restore many assets; all or none."""
    for asset_id in _ordered(ids):
        restore_asset(session, asset_id, actor)


def _ordered(ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    if len(ids) > MOST_AT_ONCE:
        raise Invalid("ids", f"at most {MOST_AT_ONCE} at once, not {len(ids)}")
    return sorted(set(ids))
