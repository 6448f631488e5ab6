"""Contents of collections: add and remove assets, and order assets and subcollections.

Adding an asset needs read permission on it and write permission on the collection. Propagating permissions reach only
assets added by someone who may change their ACL: otherwise a reader could open an asset to others, or gain rights on
it, through a collection of its own.
"""

import uuid

from sqlalchemy import delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.acl import Actor, Permission, permitted
from models.asset import Asset, AssetStatus
from models.collection import Collection, CollectionAsset
from models.history import Operation
from tasks import assets
from tasks.audit import note
from tasks.collection_rights import end_inheritance
from tasks.collections import KIND, find_for_change
from tasks.history import record
from tasks.refusals import Conflict, Invalid, Missing


def put_asset(session: Session, collection_id: uuid.UUID, asset_id: uuid.UUID, actor: Actor) -> CollectionAsset:
    """Add an asset to a collection; adding it again may only extend the permissions that reach it."""
    collection = find_for_change(session, actor, collection_id)
    asset = assets.find_asset(session, actor, asset_id)
    if asset.status == AssetStatus.DELETED:
        raise Conflict(f'the asset "{asset.title}" is deleted; restore it first')
    return place_asset(session, collection, asset, actor)


def place_asset(session: Session, collection: Collection, asset: Asset, actor: Actor) -> CollectionAsset:
    """Add an asset to a collection, both already checked.

    A membership that the folder mirror made stays the mirror's, unless the actor may change the asset's ACL. Otherwise
    a mere reader could make permanent the permissions that the asset has only while its files are in that folder.
    """
    carries = may_give_rights(session, actor, asset.id)
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
        _tell(session, collection, asset, "put into", actor)
    return session.get_one(CollectionAsset, (collection.id, asset.id), populate_existing=True)


def may_give_rights(session: Session, actor: Actor, asset_id: uuid.UUID) -> bool:
    """Return whether the actor may change the ACL of an asset."""
    may = permitted(actor, assets.KIND, Asset.id, Permission.CHANGE_ACL)
    return bool(session.scalar(select(may).where(Asset.id == asset_id)))


def take_asset(session: Session, collection_id: uuid.UUID, asset_id: uuid.UUID, actor: Actor) -> None:
    """Remove an asset, even a deleted one, from a collection, with the permissions it inherited there."""
    collection = find_for_change(session, actor, collection_id)
    living = session.scalar(select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == asset_id))
    # Trigger mark_collection_asset_delete hides the asset until it is reindexed, if permissions propagated to it.
    gone = delete(CollectionAsset).where(
        CollectionAsset.collection_id == collection.id, CollectionAsset.asset_id == living
    )
    if not session.execute(gone.execution_options(synchronize_session=False)).rowcount:
        raise Missing("asset", f"{asset_id} in the collection {collection_id}")
    asset = session.get_one(Asset, living)
    end_inheritance(session, assets.KIND, asset.id, collection.id)
    _tell(session, collection, asset, "taken out of", actor)


def _tell(session: Session, collection: Collection, asset: Asset, what: str, actor: Actor) -> None:
    """Record the change without the collection's title: readers of the asset may not read the collection."""
    record(session, asset.id, Operation.CUSTOM, f"{what} the collection {collection.id}", actor)
    note(session, KIND, collection.id, f"asset {asset.id} was {what} it", actor)


POSITION = text("""
    UPDATE collection_asset SET position = :position WHERE collection_id = :collection AND asset_id = :key
""")
SUB_POSITION = text("UPDATE collection SET position = :position WHERE parent_id = :collection AND id = :key")


def set_position(
    session: Session,
    collection_id: uuid.UUID,
    object_type: str,
    object_id: uuid.UUID,
    position: int | None,
    actor: Actor,
) -> None:
    """Set the position of an object in its collection; other positions stay as they are."""
    find_for_change(session, actor, collection_id)
    if object_type not in ("assets", KIND):
        raise Invalid("object_type", f'"{object_type[:80]}" is in no collection; known are assets, {KIND}')
    statement = POSITION if object_type == "assets" else SUB_POSITION
    values = {"position": position, "collection": collection_id, "key": object_id}
    if not session.execute(statement, values).rowcount:
        raise Missing(object_type.removesuffix("s"), f"{object_id} in the collection {collection_id}")
