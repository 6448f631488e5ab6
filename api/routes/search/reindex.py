"""Reindex objects that did not change: assets, collections and segments, one, several or all."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, select

from asgi.answers import EmptyAnswer
from asgi.body_base import Body, ShortText
from asgi.pagination import MAX_PAGE_SIZE
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import Permission
from models.catalog.segment import Segment
from models.core.statements import in_array
from services.catalog.assets.assets import find_asset
from services.catalog.segments.access import SEGMENT_KIND, SEGMENT_NOUN, find_segment
from services.core.errors import NotFound, require_administrator
from services.indexing.requests import reindex_collection, start_index_rebuild
from services.objects.objects import find_object
from services.searching.query import reindex_all_objects, reindex_objects

routes = RouteGroup("assets")
REINDEX_ALL_ACTION = "reindex everything"


class ReindexBulkBody(Body):
    object_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)]
    object_type: ShortText
    include_assets: bool = True
    include_collections: bool = True


@routes.put(
    "/assets/{asset_id}/search_document/",
    SharedEndpoint("put_asset_search_document", "Reindex the asset: alias of `POST /assets/{asset_id}/reindex/`."),
    status=204,
)
@routes.post("/assets/{asset_id}/reindex/")
def post_asset_reindex(call: Call, asset_id: UUID) -> None:
    """Reindex the asset."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    reindex_objects(call.session, [asset.id])


@routes.post("/assets/reindex/")
def post_assets_reindex(call: Call) -> None:
    """Start a job that builds a new index of all objects, unless one runs already."""
    require_administrator(call.actor, REINDEX_ALL_ACTION)
    call.start_job(start_index_rebuild(call.session, call.actor))


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
def post_bulk_reindex(call: Call, body: ReindexBulkBody) -> EmptyAnswer:
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


class AssetSegmentsReindexBody(Body):
    asset_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)] | None = None


class SegmentReindexBody(Body):
    segment_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)] | None = None


@routes.post("/segments/reindex/")
def post_segments_reindex(call: Call, body: SegmentReindexBody | None = None) -> None:
    """Reindex the segments with these ids, or all segments."""
    if body is None or body.segment_ids is None:
        reindex_all_segments(call)
        return
    named = in_array(Segment.id, body.segment_ids)
    held = {row.id: row.asset_id for row in call.session.execute(select(Segment.id, Segment.asset_id).where(named))}
    for segment_id in body.segment_ids:
        if segment_id not in held:
            raise NotFound(SEGMENT_NOUN, segment_id)
    one_of = {asset_id: segment_id for segment_id, asset_id in held.items()}
    for asset_id in sorted(one_of):
        try:
            find_asset(call.session, call.actor, asset_id, Permission.WRITE)
        except NotFound:
            raise NotFound(SEGMENT_NOUN, one_of[asset_id]) from None
    reindex_segments(call, named)


@routes.post("/assets/segments/reindex/")
def post_assets_segments_reindex(call: Call, body: AssetSegmentsReindexBody) -> None:
    """Reindex the segments of several assets, or of all assets."""
    if body.asset_ids is None:
        reindex_all_segments(call)
        return
    assets = [find_asset(call.session, call.actor, key, Permission.WRITE).id for key in sorted(set(body.asset_ids))]
    reindex_segments(call, in_array(Segment.asset_id, assets))


@routes.post("/assets/{asset_id}/segments/reindex/")
def post_asset_segments_reindex(call: Call, asset_id: UUID, body: SegmentReindexBody | None = None) -> None:
    """Reindex the segments of an asset, or those of them with these ids."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    which = Segment.asset_id == asset.id
    if body is not None and body.segment_ids:
        which = and_(which, in_array(Segment.id, body.segment_ids))
    reindex_segments(call, which)


@routes.post("/assets/{asset_id}/segments/{segment_id}/reindex/")
def post_segment_reindex(call: Call, asset_id: UUID, segment_id: UUID) -> None:
    """Reindex one segment."""
    find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    held = find_segment(call.session, call.actor, asset_id, segment_id)
    reindex_segments(call, Segment.id == held.segment.id)


def reindex_all_segments(call: Call) -> None:
    """Mark all segments for reindexing."""
    require_administrator(call.actor, REINDEX_ALL_ACTION)
    reindex_all_objects(call.session, SEGMENT_KIND)


def reindex_segments(call: Call, which: ColumnElement[bool]) -> None:
    """Mark the segments that match for reindexing."""
    reindex_objects(call.session, call.session.scalars(select(Segment.id).where(which)).all(), SEGMENT_KIND)
