"""Reindex segments that did not change."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, select

from api.routes.search.reindex import REINDEX_ALL_ACTION
from asgi.body_base import Body
from asgi.pagination import MAX_PAGE_SIZE
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission
from models.catalog.segment import Segment
from models.core.bulk import in_array
from services.catalog.assets.assets import find_asset
from services.catalog.segments.access import SEGMENT_KIND, SEGMENT_NOUN, find_segment
from services.core.actors import require_administrator
from services.core.errors import NotFound
from services.searching.query import reindex_all_objects, reindex_objects

routes = RouteGroup("assets")


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
