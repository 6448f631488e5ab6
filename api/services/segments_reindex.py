"""Reindex segments that did not change."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, select

from api.bodies import Body
from api.call import Answer, Call
from api.pages import MOST
from api.routing import Service
from api.services.reindex import EVERYTHING, marked
from models.acl import Permission
from models.bulk import among
from models.segment import Segment
from tasks.assets import find_asset
from tasks.find import mark_again, mark_all_again
from tasks.refusals import Missing
from tasks.segments import NOUN, SEGMENTS, find_segment
from tasks.users import require_administrator

routes = Service("assets")


class AssetsBody(Body):
    asset_ids: Annotated[list[UUID], Field(max_length=MOST)] | None = None


class SegmentsBody(Body):
    segment_ids: Annotated[list[UUID], Field(max_length=MOST)] | None = None


@routes.post("/segments/reindex/")
def post_segments_reindex(call: Call, body: SegmentsBody | None = None) -> Answer:
    """Reindex the segments with these ids, or all segments."""
    if body is None or body.segment_ids is None:
        return everything(call)
    named = among(Segment.id, body.segment_ids)
    held = {row.id: row.asset_id for row in call.session.execute(select(Segment.id, Segment.asset_id).where(named))}
    for segment_id in body.segment_ids:
        if segment_id not in held:
            raise Missing(NOUN, segment_id)
    one_of = {asset_id: segment_id for segment_id, asset_id in held.items()}
    for asset_id in sorted(one_of):
        try:
            find_asset(call.session, call.actor, asset_id, Permission.WRITE)
        except Missing:
            raise Missing(NOUN, one_of[asset_id]) from None
    return reindexed(call, named)


@routes.post("/assets/segments/reindex/")
def post_assets_segments_reindex(call: Call, body: AssetsBody) -> Answer:
    """Reindex the segments of several assets, or of all assets."""
    if body.asset_ids is None:
        return everything(call)
    assets = [find_asset(call.session, call.actor, key, Permission.WRITE).id for key in sorted(set(body.asset_ids))]
    return reindexed(call, among(Segment.asset_id, assets))


@routes.post("/assets/{asset_id}/segments/reindex/")
def post_asset_segments_reindex(call: Call, asset_id: UUID, body: SegmentsBody | None = None) -> Answer:
    """Reindex the segments of an asset, or those of them with these ids."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    which = Segment.asset_id == asset.id
    if body is not None and body.segment_ids:
        which = and_(which, among(Segment.id, body.segment_ids))
    return reindexed(call, which)


@routes.post("/assets/{asset_id}/segments/{segment_id}/reindex/")
def post_segment_reindex(call: Call, asset_id: UUID, segment_id: UUID) -> Answer:
    """Reindex one segment."""
    find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    held = find_segment(call.session, call.actor, asset_id, segment_id)
    return reindexed(call, Segment.id == held.segment.id)


def everything(call: Call) -> Answer:
    """Mark all segments for reindexing."""
    require_administrator(call.actor, EVERYTHING)
    mark_all_again(call.session, SEGMENTS)
    return marked(call)


def reindexed(call: Call, which: ColumnElement[bool]) -> Answer:
    """Mark the segments that match for reindexing."""
    mark_again(call.session, call.session.scalars(select(Segment.id).where(which)).all(), SEGMENTS)
    return marked(call)
