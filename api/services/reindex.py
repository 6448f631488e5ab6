"""Reindex objects that did not change: one, several, a collection, or all."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body, Name
from api.call import Answer, Call
from api.pages import MOST
from api.routing import Service
from models.acl import Permission
from tasks.assets import find_asset
from tasks.find import mark_again, mark_all_again
from tasks.objects import find_object
from tasks.reindex import mark_collection, start_rebuild
from tasks.users import require_administrator

routes = Service("assets")
EVERYTHING = "have everything indexed again"


class BulkBody(Body):
    object_ids: Annotated[list[UUID], Field(max_length=MOST)]
    object_type: Name
    include_assets: bool = True
    include_collections: bool = True


@routes.post("/assets/{asset_id}/reindex/")
def post_asset_reindex(call: Call, asset_id: UUID) -> Answer:
    """Reindex the asset."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    mark_again(call.session, [asset.id])
    return marked(call)


@routes.put("/assets/{asset_id}/search_document/", status=204)
def put_asset_search_document(call: Call, asset_id: UUID) -> None:
    """Reindex the asset: alias of `POST /assets/{asset_id}/reindex/`."""
    post_asset_reindex(call, asset_id)


@routes.post("/assets/reindex/")
def post_assets_reindex(call: Call) -> Answer:
    """Start a job that builds a new index of all objects, unless one runs already."""
    require_administrator(call.actor, EVERYTHING)
    job = start_rebuild(call.session, call.actor)
    call.ring(job.task or "", [job.id])
    return Answer(201)


@routes.post("/collections/reindex/")
def post_collections_reindex(call: Call) -> Answer:
    """Reindex all collections."""
    require_administrator(call.actor, EVERYTHING)
    mark_all_again(call.session, "collections")
    return marked(call)


@routes.post("/collections/{collection_id}/reindex/")
def post_collection_reindex(call: Call, collection_id: UUID) -> Answer:
    """Reindex a collection and its contents, recursively."""
    found = find_object(call.session, call.actor, "collections", collection_id, Permission.WRITE)
    mark_collection(call.session, found.id)
    return marked(call)


@routes.post("/reindex/bulk/", status=200)
def post_bulk_reindex(call: Call, body: BulkBody) -> dict[str, Any]:
    """Reindex several objects of one type, all or none; collections optionally with their contents."""
    objects = [
        find_object(call.session, call.actor, body.object_type, key, Permission.WRITE)
        for key in sorted(set(body.object_ids))
    ]
    if body.object_type == "collections":
        for found in objects:
            mark_collection(call.session, found.id, body.include_assets, body.include_collections)
    else:
        mark_again(call.session, [found.id for found in objects], body.object_type)
    marked(call)
    return {}


def marked(call: Call) -> Answer:
    """Notify the index drain after the commit."""
    call.ring("index.drain", [])
    return Answer(201)
