"""Contents of collections: list, add, remove, order and copy."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field
from sqlalchemy import Text, cast, literal, null, select, union_all

from api.routes.catalog.answers import (
    CollectionAnswer,
    CollectionContentAnswer,
    ContentPositionAnswer,
    GuestObjectAnswer,
    PlacedAssetAnswer,
)
from api.routes.catalog.bodies import (
    filter_fields_for_guest,
    serialize_assets,
    serialize_collection,
    serialize_collections,
)
from asgi.answers import PageAnswer
from asgi.body_base import Body, ShortText, UtcDatetime
from asgi.pagination import (
    FilterParam,
    PageNumber,
    PerPage,
    SortParam,
    apply_filter,
    apply_sort,
    filter_by_values,
    paginate_rows,
)
from asgi.rendering import format_datetime
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionAsset, CollectionStatus
from models.core.statements import AnyRow, AnySelect, in_array
from services.catalog.collections.collections import find_collection
from services.catalog.collections.contents import (
    add_asset_to_collection,
    remove_asset_from_collection,
    set_member_position,
)
from services.catalog.collections.copying import copy_collection
from services.catalog.collections.tree import attach_collection, detach_collection
from services.core.errors import NotFound, ValidationFailed, require_known

routes = RouteGroup("assets")
CONTENT_KINDS = (COLLECTION_KIND, ASSET_KIND)
ContentKindsParam = Annotated[list[str] | None, Query(max_length=10)]
ContentIdsParam = Annotated[list[str] | None, Query(max_length=1_000)]


class CollectionContentBody(Body):
    object_id: UUID
    object_type: ShortText
    date_created: UtcDatetime | None = None


class ContentPositionBody(Body):
    position: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


def require_content_kind(object_type: str) -> str:
    """Return the kind of object if collections contain it; else raise `ValidationFailed`."""
    require_known("object_type", object_type, CONTENT_KINDS, "is in no collection")
    return object_type


def split_commas(values: list[str] | None) -> list[str]:
    """Split values that were sent one by one or separated by commas."""
    return [one for value in values or () for one in value.split(",") if one]


def build_content_query(call: Call, collection: Collection) -> Any:
    """Build a subquery of the assets and collections in a collection that the caller may read."""
    subcollections = select(
        literal(COLLECTION_KIND).label("object_type"),
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
        readable_by(call.actor, COLLECTION_KIND, Collection.id),
    )
    held = (
        select(
            literal(ASSET_KIND).label("object_type"),
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
            readable_by(call.actor, ASSET_KIND, Asset.id),
        )
    )
    return union_all(subcollections, held).subquery("content")


GUEST_HIDDEN_COLUMNS = ("external_id", "created_by_user")
"""Columns that guests may neither see nor filter or sort by, which would reveal the values."""


@routes.get("/collections/{collection_id}/contents/", guests=True)
def get_contents(
    call: Call,
    collection_id: UUID,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    filter: FilterParam = "",
    object_types: ContentKindsParam = None,
    object_ids: ContentIdsParam = None,
    external_id: str = "",
) -> PageAnswer[PlacedAssetAnswer | CollectionAnswer | GuestObjectAnswer]:
    """List the contents of a collection: by position, then collections, then assets, by title."""
    content = build_content_query(call, find_collection(call.session, call.actor, collection_id))
    is_guest = call.actor.guest is not None
    columns = {column.name: column for column in content.c if not (is_guest and column.name in GUEST_HIDDEN_COLUMNS)}
    query: AnySelect = select(content.c.object_type, content.c.id)
    if kinds := [require_content_kind(kind) for kind in split_commas(object_types)]:
        query = query.where(content.c.object_type.in_(kinds))
    query = filter_by_values(query, {"object_ids": content.c.id}, {"object_ids": ",".join(split_commas(object_ids))})
    if external_id and not is_guest:
        query = query.where(content.c.external_id == external_id)
    query = apply_filter(query, filter, columns)
    own = (content.c.position.asc().nulls_last(), content.c.object_type.desc(), content.c.title)
    query = apply_sort(query, sort, columns, content.c.id) if sort else query.order_by(*own, content.c.id)
    return paginate_rows(call, query, page, per_page, lambda call, rows: serialize_contents(call, collection_id, rows))


def serialize_contents(
    call: Call, collection_id: UUID, rows: Sequence[AnyRow]
) -> list[PlacedAssetAnswer | CollectionAnswer | GuestObjectAnswer]:
    """Serialise assets and collections in the order of the rows, with their position in this collection."""
    asset_ids = [row.id for row in rows if row.object_type == ASSET_KIND]
    collection_ids = [row.id for row in rows if row.object_type == COLLECTION_KIND]
    bodies: dict[str, PlacedAssetAnswer | CollectionAnswer] = {}
    if asset_ids:
        places = (CollectionAsset.collection_id == collection_id, in_array(CollectionAsset.asset_id, asset_ids))
        kept = call.session.execute(select(CollectionAsset.asset_id, CollectionAsset.position).where(*places))
        positions = {row[0]: row[1] for row in kept}
        found = call.session.scalars(select(Asset).where(in_array(Asset.id, asset_ids))).all()
        for asset, body in zip(found, serialize_assets(call, found), strict=True):
            bodies[body["id"]] = {**body, "position": positions.get(asset.id) or 0}
    if collection_ids:
        inside = call.session.scalars(select(Collection).where(in_array(Collection.id, collection_ids))).all()
        bodies |= {body["id"]: body for body in serialize_collections(call, inside)}
    if call.actor.guest is not None:
        return [filter_fields_for_guest(bodies[str(row.id)]) for row in rows]
    return [bodies[str(row.id)] for row in rows]


@routes.post("/collections/{collection_id}/contents/")
def post_content(call: Call, collection_id: UUID, body: CollectionContentBody) -> CollectionContentAnswer:
    """Add an asset that the caller reads, or a collection that it may move, to a collection that it may write."""
    if require_content_kind(body.object_type) == COLLECTION_KIND:
        find_collection(call.session, call.actor, collection_id, Permission.WRITE)
        attach_collection(call.session, collection_id, body.object_id, call.actor)
        placed_id, added_at = body.object_id, None
    else:
        place = add_asset_to_collection(call.session, collection_id, body.object_id, call.actor)
        placed_id, added_at = place.asset_id, format_datetime(place.date_created)
    content: CollectionContentAnswer = {
        "collection_id": str(collection_id),
        "object_id": str(placed_id),
        "object_type": body.object_type,
    }
    if added_at is not None:
        content["date_created"] = added_at
    return content


@routes.delete("/collections/{collection_id}/contents/{object_type}/{object_id}/")
def delete_content(call: Call, collection_id: UUID, object_type: str, object_id: UUID) -> None:
    """Remove an object; a collection moves to the root."""
    if require_content_kind(object_type) == COLLECTION_KIND:
        if not detach_collection(call.session, collection_id, object_id, call.actor):
            raise NotFound("collection", f"{object_id} in the collection {collection_id}")
    else:
        remove_asset_from_collection(call.session, collection_id, object_id, call.actor)


@routes.put("/collections/{collection_id}/contents/{object_type}/{object_id}/")
def put_content(
    call: Call, collection_id: UUID, object_type: str, object_id: UUID, body: ContentPositionBody
) -> ContentPositionAnswer:
    """Set the position of an object in the collection's order."""
    set_member_position(
        call.session, collection_id, require_content_kind(object_type), object_id, body.position, call.actor
    )
    return {"position": body.position}


@routes.post("/collections/{collection_id}/subcollections/")
def post_subcollection(
    call: Call, collection_id: UUID, body: CollectionContentBody, copy_acl: bool = False
) -> CollectionAnswer:
    """Copy a collection, with the contents that the caller reads, into another."""
    if body.object_type != COLLECTION_KIND:
        raise ValidationFailed(
            "object_type", f"only {COLLECTION_KIND} are copied into one; put assets in with contents/"
        )
    made = copy_collection(call.session, body.object_id, collection_id, call.actor, with_rights=copy_acl)
    return serialize_collection(call, made)
