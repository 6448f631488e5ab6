"""Files of segments: captions are imported, and segments exported as CSV, captions and plain text."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response

from api.routes.segments.bodies import SegmentExportQuery, SegmentFilter, filter_segments, load_segment_authors
from asgi.request_context import Body, Call, StatusResponse
from asgi.routing import RouteGroup
from services.catalog.assets.assets import find_asset
from services.catalog.segments.export import (
    MAX_EXPORTED_SEGMENTS,
    ExportLine,
    export_csv,
    export_plain_text,
    export_srt,
    export_vtt,
)
from services.core.errors import ValidationFailed
from services.sidecars.caption_import import create_caption_job

routes = RouteGroup("assets")


@routes.get("/assets/{asset_id}/segments/csv/")
def get_segments_csv(call: Call, asset_id: UUID, asked: Annotated[SegmentFilter, Query()]) -> Response:
    """Export segments as CSV that is safe to open in a spreadsheet."""
    return Response(export_csv(load_export_lines(call, asset_id, asked)), media_type="text/csv; charset=utf-8")


@routes.get("/assets/{asset_id}/segments/srt/")
def get_segments_srt(call: Call, asset_id: UUID, asked: Annotated[SegmentExportQuery, Query()]) -> Response:
    """Export the segments that have a time as SubRip captions."""
    return Response(
        export_srt(load_export_lines(call, asset_id, asked), asked.words_per_line), media_type="application/x-subrip"
    )


@routes.get("/assets/{asset_id}/segments/vtt/")
def get_segments_vtt(call: Call, asset_id: UUID, asked: Annotated[SegmentExportQuery, Query()]) -> Response:
    """Export the segments that have a time as WebVTT captions."""
    return Response(export_vtt(load_export_lines(call, asset_id, asked), asked.words_per_line), media_type="text/vtt")


@routes.get("/assets/{asset_id}/segments/text/")
def get_segments_text(call: Call, asset_id: UUID, asked: Annotated[SegmentFilter, Query()]) -> Response:
    """Export segments as plain text, one line each."""
    return Response(export_plain_text(load_export_lines(call, asset_id, asked)), media_type="text/plain; charset=utf-8")


def load_export_lines(call: Call, asset_id: UUID, asked: SegmentFilter) -> list[ExportLine]:
    """Load the lines of an export, in two queries."""
    query = filter_segments(call, find_asset(call.session, call.actor, asset_id).id, asked)
    segments = call.session.scalars(query.limit(MAX_EXPORTED_SEGMENTS + 1)).all()
    if len(segments) > MAX_EXPORTED_SEGMENTS:
        raise ValidationFailed(
            "time_end_milliseconds__lte", f"more than {MAX_EXPORTED_SEGMENTS:,} segments; ask for fewer"
        )
    users = load_segment_authors(call, segments)
    names = {user_id: user.display_name for user_id, user in users.items()}
    return [ExportLine(one, names.get(one.user_id) or one.share_user_email or "") for one in segments]


class CaptionImportBody(Body):
    file_id: UUID
    delete_old_transcriptions: bool | None = None


@routes.post("/assets/{asset_id}/segments/captions/", status=202)
def post_captions(call: Call, asset_id: UUID, body: CaptionImportBody) -> StatusResponse:
    """Start a job that imports an SRT or VTT file of the asset as TRANSCRIPTION segments."""
    replaces_all = bool(body.delete_old_transcriptions)
    job = create_caption_job(call.session, asset_id, body.file_id, call.actor, replaces_all=replaces_all)
    return StatusResponse(202, call.start_job(job))
