"""Segments of an asset: comments, markers and other time-based metadata.

Captions are imported, and segments are exported as CSV, captions and plain text.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import ColumnElement, and_

from api.routes.segments.answers import SegmentAnswer
from api.routes.segments.bodies import (
    SEGMENT_MATCH_COLUMNS,
    SegmentBody,
    SegmentBulkBody,
    SegmentBulkEditBody,
    SegmentExportQuery,
    SegmentFilter,
    SegmentListQuery,
    SegmentWord,
    filter_segments,
    load_segment_authors,
    serialize_segment_page,
    serialize_segments,
)
from asgi.answers import JobIdAnswer, ObjectListAnswer, PageAnswer
from asgi.body_base import Body, SafeInteger
from asgi.limits.bodies import LARGE_BODY_BYTES
from asgi.pagination import FILTER_OPERATORS, MAX_PAGE_SIZE, paginate, parse_column_value
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.statements import in_array
from services.catalog.assets.assets import find_asset
from services.catalog.segments.access import find_segment
from services.catalog.segments.export import (
    MAX_EXPORTED_SEGMENTS,
    ExportLine,
    export_csv,
    export_plain_text,
    export_srt,
    export_vtt,
)
from services.catalog.segments.segments import add_segments, delete_segment, delete_segments, update_segments
from services.core.errors import ValidationFailed, require_known
from services.sidecars.caption_import import create_caption_job

routes = RouteGroup("assets")


def serialize_segment(call: Call, segment: Segment) -> SegmentAnswer:
    """Serialise one segment with its author."""
    return serialize_segments(call, [segment])[0]


@routes.post("/assets/{asset_id}/segments/", guests=True, body_bytes=LARGE_BODY_BYTES)
def post_segment(call: Call, asset_id: UUID, body: SegmentBody) -> SegmentAnswer:
    """Create a segment: comments need read access to the asset, other types need write access."""
    return serialize_segment(call, add_segments(call.session, call.actor, asset_id, [body.new_segment()])[0])


@routes.get("/assets/{asset_id}/segments/", guests=True)
def get_segments(call: Call, asset_id: UUID, asked: Annotated[SegmentListQuery, Query()]) -> PageAnswer[SegmentAnswer]:
    """List the segments of an asset, by start time."""
    query = filter_segments(call, find_asset(call.session, call.actor, asset_id).id, asked, asked.sort)
    with_users = asked.include_users and call.actor.guest is None
    return paginate(
        call,
        query,
        asked.page,
        asked.per_page,
        lambda call, rows: serialize_segment_page(call, rows, with_users=with_users),
    )


@routes.get("/assets/{asset_id}/segments/{segment_id}/", guests=True)
def get_segment(call: Call, asset_id: UUID, segment_id: UUID) -> SegmentAnswer:
    """Return one segment."""
    return serialize_segment(call, find_segment(call.session, call.actor, asset_id, segment_id).segment)


@routes.put(
    "/assets/{asset_id}/segments/{segment_id}/",
    SharedEndpoint(
        "put_segment",
        "Change the fields that were sent; absent fields stay, as clients write back the object that they read.",
    ),
    guests=True,
    body_bytes=LARGE_BODY_BYTES,
)
@routes.patch("/assets/{asset_id}/segments/{segment_id}/", guests=True, body_bytes=LARGE_BODY_BYTES)
def patch_segment(call: Call, asset_id: UUID, segment_id: UUID, body: SegmentBody) -> SegmentAnswer:
    """Change the fields that were sent; `segment_checked` marks a comment as done."""
    if call.request.method == "PUT" and body.segment_type is None:
        raise ValidationFailed("segment_type", "a segment needs its type")
    return serialize_segment(call, update_segments(call.session, call.actor, asset_id, [body.change(segment_id)])[0])


@routes.delete("/assets/{asset_id}/segments/{segment_id}/", guests=True)
def delete_one_segment(call: Call, asset_id: UUID, segment_id: UUID, soft_delete: bool = True) -> None:
    """Delete a segment with its replies; `soft_delete=false` deletes permanently."""
    delete_segment(call.session, call.actor, asset_id, segment_id, for_good=not soft_delete)


@routes.post("/assets/{asset_id}/segments/bulk/", body_bytes=LARGE_BODY_BYTES)
def post_segments(call: Call, asset_id: UUID, body: SegmentBulkBody) -> ObjectListAnswer[SegmentAnswer]:
    """Create several segments; all or none."""
    made = add_segments(call.session, call.actor, asset_id, [one.new_segment() for one in body.objects])
    return {"objects": serialize_segment_page(call, made)}


@routes.put("/assets/{asset_id}/segments/bulk/", status=201, body_bytes=LARGE_BODY_BYTES)
def put_segments(call: Call, asset_id: UUID, body: SegmentBulkEditBody) -> ObjectListAnswer[SegmentAnswer]:
    """Change several segments; all or none."""
    changed = update_segments(call.session, call.actor, asset_id, [one.change(one.id) for one in body.objects])
    return {"objects": serialize_segment_page(call, changed)}


class SegmentMatchBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    value: bool | SafeInteger | SegmentWord | None = None
    operator: Literal["eq", "gt", "lt"] | None = None


class SegmentDeleteBody(Body):
    """Conditions of a bulk delete, combined by AND."""

    segment_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)] | None = None
    segment_type: SegmentType | None = None
    version_id: UUID | None = None
    attributes: Annotated[list[SegmentMatchBody], Field(fail_fast=True, max_length=50)] | None = None

    def conditions(self) -> ColumnElement[bool]:
        """Return the SQL condition of the segments to delete."""
        if not self.segment_ids and self.segment_type is None and not self.attributes:
            raise ValidationFailed(
                "segment_ids", "give the segments to delete: segment_ids, segment_type or attributes"
            )
        meant: list[ColumnElement[bool]] = [Segment.status != SegmentStatus.DELETED]
        if self.segment_ids:
            meant.append(in_array(Segment.id, self.segment_ids))
        if self.segment_type is not None:
            meant.append(Segment.segment_type == self.segment_type)
        if self.version_id is not None:
            meant.append(Segment.version_id == self.version_id)
        return and_(
            *meant,
            *(build_segment_condition(one.name, one.operator or "eq", one.value) for one in self.attributes or ()),
        )


@routes.delete("/assets/{asset_id}/segments/bulk/")
def delete_many_segments(call: Call, asset_id: UUID, body: SegmentDeleteBody) -> None:
    """Delete several segments with their replies; all or none."""
    which = body.conditions()
    # Lock the asset, so that no reply is added to a segment while it is deleted.
    asset = find_asset(call.session, call.actor, asset_id, lock=True)
    delete_segments(call.session, call.actor, asset, which)


def build_segment_condition(name: str, operator: str, value: Any) -> ColumnElement[bool]:
    """Build the comparison of one column with a value."""
    require_known("attributes", name, sorted(SEGMENT_MATCH_COLUMNS), "is nothing to match")
    if value is None or isinstance(value, list | dict):
        raise ValidationFailed("attributes", f"{name} is compared with one value")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return FILTER_OPERATORS[operator](
        SEGMENT_MATCH_COLUMNS[name], parse_column_value(name, SEGMENT_MATCH_COLUMNS[name], text)
    )


@routes.get("/assets/{asset_id}/segments/csv/", media_types=("text/csv",))
def get_segments_csv(call: Call, asset_id: UUID, asked: Annotated[SegmentFilter, Query()]) -> Response:
    """Export segments as CSV that is safe to open in a spreadsheet."""
    return Response(export_csv(load_export_lines(call, asset_id, asked)), media_type="text/csv; charset=utf-8")


@routes.get("/assets/{asset_id}/segments/srt/", media_types=("application/x-subrip",))
def get_segments_srt(call: Call, asset_id: UUID, asked: Annotated[SegmentExportQuery, Query()]) -> Response:
    """Export the segments that have a time as SubRip captions."""
    return Response(
        export_srt(load_export_lines(call, asset_id, asked), asked.words_per_line), media_type="application/x-subrip"
    )


@routes.get("/assets/{asset_id}/segments/vtt/", media_types=("text/vtt",))
def get_segments_vtt(call: Call, asset_id: UUID, asked: Annotated[SegmentExportQuery, Query()]) -> Response:
    """Export the segments that have a time as WebVTT captions."""
    return Response(export_vtt(load_export_lines(call, asset_id, asked), asked.words_per_line), media_type="text/vtt")


@routes.get("/assets/{asset_id}/segments/text/", media_types=("text/plain",))
def get_segments_text(call: Call, asset_id: UUID, asked: Annotated[SegmentFilter, Query()]) -> Response:
    """Export segments as plain text, one line each."""
    return Response(export_plain_text(load_export_lines(call, asset_id, asked)), media_type="text/plain; charset=utf-8")


def load_export_lines(call: Call, asset_id: UUID, asked: SegmentFilter) -> list[ExportLine]:
    """Load the lines of an export, in two queries."""
    query = filter_segments(call, find_asset(call.session, call.actor, asset_id).id, asked)
    segments = call.session.scalars(query.limit(MAX_EXPORTED_SEGMENTS + 1)).all()
    if len(segments) > MAX_EXPORTED_SEGMENTS:
        raise ValidationFailed(
            "time_end_milliseconds__lte",
            f"more than {MAX_EXPORTED_SEGMENTS:,} segments; ask for those until an earlier time",
        )
    users = load_segment_authors(call, segments)
    names = {user_id: user.display_name for user_id, user in users.items()}
    return [ExportLine(one, names.get(one.user_id) or one.share_user_email or "") for one in segments]


class CaptionImportBody(Body):
    file_id: UUID
    delete_old_transcriptions: bool | None = None


@routes.post("/assets/{asset_id}/segments/captions/", status=202, is_extension=True)
def post_captions(call: Call, asset_id: UUID, body: CaptionImportBody) -> JobIdAnswer:
    """Start a job that imports an SRT or VTT file of the asset as TRANSCRIPTION segments."""
    replaces_all = bool(body.delete_old_transcriptions)
    job = create_caption_job(call.session, asset_id, body.file_id, call.actor, replaces_all=replaces_all)
    return call.start_job(job)
