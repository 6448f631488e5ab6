"""Reindex objects that did not change: one, several, a collection, or all."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from asgi.body_base import Body, ShortText
from asgi.pagination import MAX_PAGE_SIZE
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission
from services.catalog.assets.assets import find_asset
from services.core.actors import require_administrator
from services.indexing.requests import reindex_collection, start_index_rebuild
from services.objects.objects import find_object
from services.searching.query import reindex_all_objects, reindex_objects

routes = RouteGroup("assets")
REINDEX_ALL_ACTION = "have everything indexed again"


class ReindexBulkBody(Body):
    object_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)]
    object_type: ShortText
    include_assets: bool = True
    include_collections: bool = True


@routes.post("/assets/{asset_id}/reindex/")
def post_asset_reindex(call: Call, asset_id: UUID) -> None:
    """Reindex the asset."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    reindex_objects(call.session, [asset.id])


@routes.put("/assets/{asset_id}/search_document/", status=204)
def put_asset_search_document(call: Call, asset_id: UUID) -> None:
    """Reindex the asset: alias of `POST /assets/{asset_id}/reindex/`."""
    post_asset_reindex(call, asset_id)


@routes.post("/assets/reindex/")
def post_assets_reindex(call: Call) -> None:
    """Start a job that builds a new index of all objects, unless one runs already."""
    require_administrator(call.actor, REINDEX_ALL_ACTION)
    job = start_index_rebuild(call.session, call.actor)
    call.notify(job.task or "", [job.id])


@routes.post("/collections/reindex/")
def post_collections_reindex(call: Call) -> None:
    """Reindex all collections."""
    require_administrator(call.actor, REINDEX_ALL_ACTION)
    reindex_all_objects(call.session, "collections")


@routes.post("/collections/{collection_id}/reindex/")
def post_collection_reindex(call: Call, collection_id: UUID) -> None:
    """Reindex a collection and its contents, recursively."""
    found = find_object(call.session, call.actor, "collections", collection_id, Permission.WRITE)
    reindex_collection(call.session, found.id)


@routes.post("/reindex/bulk/", status=200)
def post_bulk_reindex(call: Call, body: ReindexBulkBody) -> dict[str, Any]:
    """Reindex several objects of one type, all or none; collections optionally with their contents."""
    objects = [
        find_object(call.session, call.actor, body.object_type, key, Permission.WRITE)
        for key in sorted(set(body.object_ids))
    ]
    if body.object_type == "collections":
        for found in objects:
            reindex_collection(call.session, found.id, body.include_assets, body.include_collections)
    else:
        reindex_objects(call.session, [found.id for found in objects], body.object_type)
    return {}
