"""Favorites of the caller."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import Row, String, and_, exists, literal, or_, select

from api.bodies import Body
from api.call import Call
from api.pages import Page, PerPage, paged_rows
from api.routing import Service
from api.services.asset_bodies import in_list as assets_in_list
from api.services.collection_bodies import in_list as collections_in_list
from models.acl import readable_by
from models.asset import Asset, AssetStatus
from models.bulk import among
from models.collection import Collection, CollectionStatus, Favorite
from tasks.favorites import add_favorites, remove_favorites

routes = Service("assets")


class FavoritesBody(Body):
    object_ids: Annotated[list[UUID], Field(max_length=100)]
    object_type: Literal["assets", "collections"]


@routes.get("/favorites/")
def get_favorites(call: Call, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
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
    return paged_rows(call, query, page, per_page, lambda rows: shown(call, rows))


def shown(call: Call, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Serialise assets and collections in the order of the rows."""
    ids = [row.object_id for row in rows]
    found = call.session.scalars(select(Asset).where(among(Asset.id, ids))).all()
    collections = call.session.scalars(select(Collection).where(among(Collection.id, ids))).all()
    bodies = {body["id"]: body for body in [*assets_in_list(call)(found), *collections_in_list(call)(collections)]}
    return [bodies[str(key)] for key in ids]


@routes.post("/favorites/", status=200)
def post_favorites(call: Call, body: FavoritesBody) -> dict[str, Any]:
    """Add objects that the caller reads to its favorites."""
    add_favorites(call.session, body.object_type, body.object_ids, call.actor)
    return {"object_ids": [str(each) for each in body.object_ids], "object_type": body.object_type}


@routes.delete("/favorites/", status=200)
def delete_favorites(call: Call, body: FavoritesBody) -> dict[str, Any]:
    """Remove objects from the caller's favorites."""
    remove_favorites(call.session, body.object_type, body.object_ids, call.actor)
    return {}
