"""Contents of collections: list, add, remove, order and copy."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field
from sqlalchemy import Row, Select, Text, cast, literal, null, select, union_all

from api.bodies import Body, Moment, Name
from api.call import Call
from api.pages import Filter, Page, PerPage, Sort, filtered, ordered, paged_rows
from api.rendering import stamp
from api.routing import Service
from api.services.asset_bodies import in_list as assets_in_list
from api.services.asset_bodies import shown_to_guests
from api.services.collection_bodies import collection_body
from api.services.collection_bodies import in_list as collections_in_list
from models.acl import Permission, readable_by
from models.asset import Asset, AssetStatus
from models.bulk import among
from models.collection import Collection, CollectionAsset, CollectionStatus
from tasks import assets
from tasks.collection_contents import put_asset, set_position, take_asset
from tasks.collection_copies import copy_collection
from tasks.collection_tree import put_collection, take_collection
from tasks.collections import KIND, find_collection
from tasks.refusals import Invalid, Missing

routes = Service("assets")
KINDS = (KIND, assets.KIND)
Kinds = Annotated[list[str] | None, Query(max_length=10)]
Ids = Annotated[list[str] | None, Query(max_length=1_000)]


class ContentBody(Body):
    object_id: UUID
    object_type: Name
    date_created: Moment | None = None


class PositionBody(Body):
    position: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


def checked_kind(object_type: str) -> str:
    """Return the kind of object if collections contain it; else raise `ValidationFailed`."""
    if object_type not in KINDS:
        raise Invalid("object_type", f'"{object_type[:80]}" is in no collection; known are {", ".join(KINDS)}')
    return object_type


def apart(values: list[str] | None) -> list[str]:
    """Split values that were sent one by one or separated by commas."""
    return [one for value in values or () for one in value.split(",") if one]


def ids_of(values: list[str] | None) -> list[UUID]:
    try:
        return [UUID(value) for value in apart(values)]
    except ValueError:
        raise Invalid("object_ids", "not all of these are ids") from None


def content_of(call: Call, collection: Collection) -> Any:
    """Build a subquery of the assets and collections in a collection that the caller may read."""
    subcollections = select(
        literal(KIND).label("object_type"),
        Collection.id,
        Collection.title,
        Collection.external_id,
        Collection.position,
        cast(null(), Text).label("type"),
        Collection.created_by_user,
        Collection.date_created,
        Collection.date_modified,
    ).where(
        Collection.parent_id == collection.id,
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(call.actor, KIND, Collection.id),
    )
    held = (
        select(
            literal(assets.KIND).label("object_type"),
            Asset.id,
            Asset.title,
            Asset.external_id,
            CollectionAsset.position,
            cast(Asset.type, Text).label("type"),
            Asset.created_by_user,
            Asset.date_created,
            Asset.date_modified,
        )
        .join(CollectionAsset, CollectionAsset.asset_id == Asset.id)
        .where(
            CollectionAsset.collection_id == collection.id,
            Asset.status == AssetStatus.ACTIVE,
            readable_by(call.actor, assets.KIND, Asset.id),
        )
    )
    return union_all(subcollections, held).subquery("content")


UNSEEN_BY_GUESTS = ("external_id", "created_by_user")
"""Columns that guests may neither see nor filter or sort by, which would reveal the values."""


@routes.get("/collections/{collection_id}/contents/", guests=True)
def get_contents(
    call: Call,
    collection_id: UUID,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    filter: Filter = "",
    object_types: Kinds = None,
    object_ids: Ids = None,
    external_id: str = "",
) -> dict[str, Any]:
    """List the contents of a collection: by position, then collections, then assets, by title."""
    content = content_of(call, find_collection(call.session, call.actor, collection_id))
    is_guest = call.actor.guest is not None
    columns = {column.name: column for column in content.c if not (is_guest and column.name in UNSEEN_BY_GUESTS)}
    query: Select[Any] = select(content.c.object_type, content.c.id)
    if kinds := [checked_kind(kind) for kind in apart(object_types)]:
        query = query.where(content.c.object_type.in_(kinds))
    if object_ids:
        query = query.where(content.c.id.in_(ids_of(object_ids)))
    if external_id and not is_guest:
        query = query.where(content.c.external_id == external_id)
    query = filtered(query, filter, columns)
    own = (content.c.position.asc().nulls_last(), content.c.object_type.desc(), content.c.title)
    query = ordered(query, sort, columns, content.c.id) if sort else query.order_by(*own, content.c.id)
    return paged_rows(call, query, page, per_page, lambda rows: shown(call, collection_id, rows))


def shown(call: Call, collection_id: UUID, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Serialise assets and collections in the order of the rows, with their position in this collection."""
    asset_ids = [row.id for row in rows if row.object_type == assets.KIND]
    collection_ids = [row.id for row in rows if row.object_type == KIND]
    bodies: dict[str, dict[str, Any]] = {}
    if asset_ids:
        places = (CollectionAsset.collection_id == collection_id, among(CollectionAsset.asset_id, asset_ids))
        kept = call.session.execute(select(CollectionAsset.asset_id, CollectionAsset.position).where(*places))
        positions = {row[0]: row[1] for row in kept}
        found = call.session.scalars(select(Asset).where(among(Asset.id, asset_ids))).all()
        for asset, body in zip(found, assets_in_list(call)(found), strict=True):
            bodies[body["id"]] = {**body, "position": positions.get(asset.id) or 0}
    if collection_ids:
        inside = call.session.scalars(select(Collection).where(among(Collection.id, collection_ids))).all()
        bodies |= {body["id"]: body for body in collections_in_list(call)(inside)}
    found_bodies = [bodies[str(row.id)] for row in rows]
    return found_bodies if call.actor.guest is None else [shown_to_guests(body) for body in found_bodies]


@routes.post("/collections/{collection_id}/contents/")
def post_content(call: Call, collection_id: UUID, body: ContentBody) -> dict[str, Any]:
    """Add an asset that the caller reads, or a collection that it may move, to a collection that it may write."""
    if checked_kind(body.object_type) == KIND:
        find_collection(call.session, call.actor, collection_id, Permission.WRITE)
        put_collection(call.session, collection_id, body.object_id, call.actor)
        placed = body.object_id, None
    else:
        place = put_asset(call.session, collection_id, body.object_id, call.actor)
        placed = place.asset_id, place.date_created
    return {
        "collection_id": str(collection_id),
        "object_id": str(placed[0]),
        "object_type": body.object_type,
        **({"date_created": stamp(placed[1])} if placed[1] else {}),
    }


@routes.delete("/collections/{collection_id}/contents/{object_type}/{object_id}/")
def delete_content(call: Call, collection_id: UUID, object_type: str, object_id: UUID) -> None:
    """Remove an object; a collection moves to the root."""
    if checked_kind(object_type) == KIND:
        if not take_collection(call.session, collection_id, object_id, call.actor):
            raise Missing("collection", f"{object_id} in the collection {collection_id}")
    else:
        take_asset(call.session, collection_id, object_id, call.actor)


@routes.put("/collections/{collection_id}/contents/{object_type}/{object_id}/")
def put_content(
    call: Call, collection_id: UUID, object_type: str, object_id: UUID, body: PositionBody
) -> dict[str, Any]:
    """Set the position of an object in the collection's order."""
    set_position(call.session, collection_id, checked_kind(object_type), object_id, body.position, call.actor)
    return {"position": body.position}


@routes.post("/collections/{collection_id}/subcollections/")
def post_subcollection(call: Call, collection_id: UUID, body: ContentBody, copy_acl: bool = False) -> dict[str, Any]:
    """Copy a collection, with the contents that the caller reads, into another."""
    if body.object_type != KIND:
        raise Invalid("object_type", f"only {KIND} are copied into one; put assets in with contents/")
    made = copy_collection(call.session, body.object_id, collection_id, call.actor, with_rights=copy_acl)
    return collection_body(call, made)
