"""What is in a collection: assets put in and taken out, subcollections moved under it, and the order of both.

Putting an asset in takes reading it and writing the collection. Rights that propagate reach only what somebody put in
who could give rights on it: otherwise a reader would open an asset to others, or to itself, by a collection of its own.
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
    """Put an asset into a collection; one that is there stays as it is, but for the rights that now reach it."""
    collection = find_for_change(session, actor, collection_id)
    asset = assets.find_asset(session, actor, asset_id)
    if asset.status == AssetStatus.DELETED:
        raise Conflict(f'the asset "{asset.title}" is deleted; restore it first')
    return place_asset(session, collection, asset, actor)


def place_asset(session: Session, collection: Collection, asset: Asset, actor: Actor) -> CollectionAsset:
    """Put an asset that was found into a collection that was found for change.

    Where the folder mirror put it already it stays the mirror's, unless the actor may give rights on it: else it would
    keep rights that it has by its folder when its files are elsewhere, by the word of somebody who only reads it.
    """
    carries = may_give_rights(session, actor, asset.id)
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
    """Whether the actor may change who may do what with an asset."""
    may = permitted(actor, assets.KIND, Asset.id, Permission.CHANGE_ACL)
    return bool(session.scalar(select(may).where(Asset.id == asset_id)))


def take_asset(session: Session, collection_id: uuid.UUID, asset_id: uuid.UUID, actor: Actor) -> None:
    """Take an asset out of a collection, and with it what it inherited there; the asset itself may be gone."""
    collection = find_for_change(session, actor, collection_id)
    living = session.scalar(select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == asset_id))
    gone = delete(CollectionAsset).where(
        CollectionAsset.collection_id == collection.id, CollectionAsset.asset_id == living
    )
    if not session.execute(gone.execution_options(synchronize_session=False)).rowcount:
        raise Missing("asset", f"{asset_id} in the collection {collection_id}")
    asset = session.get_one(Asset, living)
    end_inheritance(session, assets.KIND, asset.id, collection.id)
    _tell(session, collection, asset, "taken out of", actor)


def _tell(session: Session, collection: Collection, asset: Asset, what: str, actor: Actor) -> None:
    """The collection's title is left out: who reads the asset may not read that."""
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
    """Say where an object stands among what its collection holds; others keep their numbers."""
    find_for_change(session, actor, collection_id)
    if object_type not in ("assets", KIND):
        raise Invalid("object_type", f'"{object_type[:80]}" is in no collection; known are assets, {KIND}')
    statement = POSITION if object_type == "assets" else SUB_POSITION
    values = {"position": position, "collection": collection_id, "key": object_id}
    if not session.execute(statement, values).rowcount:
        raise Missing(object_type.removesuffix("s"), f"{object_id} in the collection {collection_id}")
