"""Export of segments as CSV, captions and plain text."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response

from api.call import Call
from api.routing import Service
from api.services.segment_bodies import Choice, LinesQuery, chosen, users_of
from models.segment import Segment
from tasks.assets import find_asset
from tasks.refusals import Invalid
from tasks.segments_export import MOST_EXPORTED, Line, as_csv, as_srt, as_text, as_vtt

routes = Service("assets")


@routes.get("/assets/{asset_id}/segments/csv/")
def get_segments_csv(call: Call, asset_id: UUID, asked: Annotated[Choice, Query()]) -> Response:
    """Export segments as CSV that is safe to open in a spreadsheet."""
    return Response(as_csv(lines(call, asset_id, asked)), media_type="text/csv; charset=utf-8")


@routes.get("/assets/{asset_id}/segments/srt/")
def get_segments_srt(call: Call, asset_id: UUID, asked: Annotated[LinesQuery, Query()]) -> Response:
    """Export the segments that have a time as SubRip captions."""
    return Response(as_srt(lines(call, asset_id, asked), asked.words_per_line), media_type="application/x-subrip")


@routes.get("/assets/{asset_id}/segments/vtt/")
def get_segments_vtt(call: Call, asset_id: UUID, asked: Annotated[LinesQuery, Query()]) -> Response:
    """Export the segments that have a time as WebVTT captions."""
    return Response(as_vtt(lines(call, asset_id, asked), asked.words_per_line), media_type="text/vtt")


@routes.get("/assets/{asset_id}/segments/text/")
def get_segments_text(call: Call, asset_id: UUID, asked: Annotated[Choice, Query()]) -> Response:
    """Export segments as plain text, one line each."""
    return Response(as_text(lines(call, asset_id, asked)), media_type="text/plain; charset=utf-8")


def lines(call: Call, asset_id: UUID, asked: Choice) -> list[Line]:
    """Load the lines of an export, in two queries."""
    query = chosen(call, find_asset(call.session, call.actor, asset_id).id, asked)
    segments = call.session.scalars(query.limit(MOST_EXPORTED + 1)).all()
    if len(segments) > MOST_EXPORTED:
        raise Invalid("time_end_milliseconds__lte", f"more than {MOST_EXPORTED:,} segments; ask for fewer")
    users = users_of(call, segments)
    return [Line(segment, author_of(segment, users.get(segment.user_id))) for segment in segments]


def author_of(segment: Segment, user: Any) -> str:
    """Return the display name of a segment's author, or the e-mail of a guest."""
    return user.display_name if user else segment.share_user_email or ""
