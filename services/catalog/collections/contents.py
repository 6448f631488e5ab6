"""Contents of collections: add and remove assets, and order assets and subcollections.

Adding an asset needs read permission on it and write permission on the collection. Propagating permissions reach only
assets added by someone who may change their ACL: otherwise a reader could open an asset to others, or gain rights on
it, through a collection of its own.
"""

import uuid

from sqlalchemy import delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionAsset
from models.catalog.history import Operation
from models.core.statements import execute_dml
from services.catalog.assets import assets
from services.catalog.collections.collections import get_collection_for_update
from services.catalog.collections.permissions import delete_inherited_permissions
from services.core.audit_log import record_audit
from services.core.errors import NotFound
from services.core.history import record_history


def add_asset_to_collection(
    session: Session, collection_id: uuid.UUID, asset_id: uuid.UUID, actor: Actor
) -> CollectionAsset:
    """Add an asset to a collection; adding it again may only extend the permissions that reach it."""
    collection = get_collection_for_update(session, actor, collection_id)
    asset = assets.find_asset(session, actor, asset_id)
    assets.refuse_deleted_asset(asset)
    return add_collection_member(session, collection, asset, actor)


def add_collection_member(session: Session, collection: Collection, asset: Asset, actor: Actor) -> CollectionAsset:
    """Add an asset to a collection, both already checked.

    A membership that the folder mirror made stays the mirror's, unless the actor may change the asset's ACL. Otherwise
    a mere reader could make permanent the permissions that the asset has only while its files are in that folder.
    """
    carries = may_change_permissions(session, actor, asset.id)
    # Triggers mark_collection_asset_* (asset) and mark_segments_of_places_* (its segments) queue the documents.
    statement = insert(CollectionAsset).values(
        collection_id=collection.id, asset_id=asset.id, carries_rights=carries, added_by_user=actor.user_id
    )
    statement = statement.on_conflict_do_update(
        index_elements=["collection_id", "asset_id"],
        set_={"carries_rights": True, "mirrors_folder": False},
        where=literal(carries) & (CollectionAsset.mirrors_folder | ~CollectionAsset.carries_rights),
    )
    is_new = session.get(CollectionAsset, (collection.id, asset.id), populate_existing=True) is None
    session.execute(statement)
    if is_new:
        _record_membership_change(session, collection, asset, "put into", actor)
    return session.get_one(CollectionAsset, (collection.id, asset.id), populate_existing=True)


def may_change_permissions(session: Session, actor: Actor, asset_id: uuid.UUID) -> bool:
    """Return whether the actor may change the ACL of an asset."""
    may = has_permission(actor, ASSET_KIND, Asset.id, Permission.CHANGE_ACL)
    return bool(session.scalar(select(may).where(Asset.id == asset_id)))


def remove_asset_from_collection(session: Session, collection_id: uuid.UUID, asset_id: uuid.UUID, actor: Actor) -> None:
    """Remove an asset, even a deleted one, from a collection, with the permissions it inherited there."""
    collection = get_collection_for_update(session, actor, collection_id)
    living = session.scalar(select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == asset_id))
    # Trigger mark_collection_asset_delete hides the asset until it is reindexed, if permissions propagated to it.
    gone = delete(CollectionAsset).where(
        CollectionAsset.collection_id == collection.id, CollectionAsset.asset_id == living
    )
    if not execute_dml(session, gone.execution_options(synchronize_session=False)):
        raise NotFound("asset", f"{asset_id} in the collection {collection_id}")
    asset = session.get_one(Asset, living)
    delete_inherited_permissions(session, ASSET_KIND, asset.id, collection.id)
    _record_membership_change(session, collection, asset, "taken out of", actor)


def _record_membership_change(session: Session, collection: Collection, asset: Asset, what: str, actor: Actor) -> None:
    """Record the change without the collection's title: readers of the asset may not read the collection."""
    record_history(session, asset.id, Operation.CUSTOM, f"{what} the collection {collection.id}", actor)
    record_audit(session, COLLECTION_KIND, collection.id, f"asset {asset.id} was {what} it", actor)


# Positions are in no document: mark_collection_asset_update and mark_collection_update mark nothing.
UPDATE_ASSET_POSITION = text("""
    UPDATE collection_asset SET position = :position WHERE collection_id = :collection AND asset_id = :key
""")
UPDATE_SUBCOLLECTION_POSITION = text(
    "UPDATE collection SET position = :position WHERE parent_id = :collection AND id = :key"
)


def set_member_position(
    session: Session,
    collection_id: uuid.UUID,
    object_type: str,
    object_id: uuid.UUID,
    position: int | None,
    actor: Actor,
) -> None:
    """Set the position of an object in its collection; other positions stay as they are."""
    get_collection_for_update(session, actor, collection_id)
    statement = UPDATE_ASSET_POSITION if object_type == "assets" else UPDATE_SUBCOLLECTION_POSITION
    values = {"position": position, "collection": collection_id, "key": object_id}
    if not execute_dml(session, statement, values):
        raise NotFound(object_type.removesuffix("s"), f"{object_id} in the collection {collection_id}")
