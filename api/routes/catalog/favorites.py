"""Favorites of the caller."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import String, and_, exists, literal, or_, select

from api.routes.catalog.answers import CollectionAnswer, FavoritesAnswer, ListedAssetAnswer
from api.routes.catalog.bodies import serialize_assets, serialize_collections
from asgi.answers import EmptyAnswer, PageAnswer
from asgi.body_base import Body
from asgi.pagination import PageNumber, PerPage, paginate_rows
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import readable_by
from models.catalog.asset import Asset, AssetStatus
from models.catalog.collection import Collection, CollectionStatus, Favorite
from models.core.statements import AnyRow, in_array
from services.objects.objects import add_favorites, remove_favorites

routes = RouteGroup("assets")


class FavoritesBody(Body):
    object_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=100)]
    object_type: Literal["assets", "collections"]


@routes.get("/favorites/")
def get_favorites(
    call: Call, page: PageNumber = 1, per_page: PerPage = 50
) -> PageAnswer[ListedAssetAnswer | CollectionAnswer]:
    """List favorites that still exist and that the caller may read, last marked first."""
    kept_asset = exists().where(
        Asset.id == Favorite.object_id,
        Asset.status == AssetStatus.ACTIVE,
        Asset.merged_into.is_(None),
        readable_by(call.actor, "assets", Asset.id),
    )
    kept_collection = exists().where(
        Collection.id == Favorite.object_id,
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(call.actor, "collections", Collection.id),
    )
    kind = Favorite.object_type
    query = (
        select(kind, Favorite.object_id)
        .where(
            Favorite.user_id == call.actor.user_id,
            or_(
                and_(kind == literal("assets", String), kept_asset),
                and_(kind == literal("collections", String), kept_collection),
            ),
        )
        .order_by(Favorite.date_created.desc(), Favorite.object_id)
    )
    return paginate_rows(call, query, page, per_page, serialize_favorites)


def serialize_favorites(call: Call, rows: Sequence[AnyRow]) -> list[ListedAssetAnswer | CollectionAnswer]:
    """Serialise assets and collections in the order of the rows."""
    ids = [row.object_id for row in rows]
    found = call.session.scalars(select(Asset).where(in_array(Asset.id, ids))).all()
    collections = call.session.scalars(select(Collection).where(in_array(Collection.id, ids))).all()
    bodies: dict[str, ListedAssetAnswer | CollectionAnswer] = {
        body["id"]: body for body in serialize_assets(call, found)
    }
    bodies |= {body["id"]: body for body in serialize_collections(call, collections)}
    return [bodies[str(key)] for key in ids]


@routes.post("/favorites/", status=200)
def post_favorites(call: Call, body: FavoritesBody) -> FavoritesAnswer:
    """Add objects that the caller reads to its favorites."""
    add_favorites(call.session, body.object_type, body.object_ids, call.actor)
    return {"object_ids": [str(each) for each in body.object_ids], "object_type": body.object_type}


@routes.delete("/favorites/", status=200, never_gives=(404,))
def delete_favorites(call: Call, body: FavoritesBody) -> EmptyAnswer:
    """Remove objects from the caller's favorites."""
    remove_favorites(call.session, body.object_type, body.object_ids, call.actor)
    return {}
