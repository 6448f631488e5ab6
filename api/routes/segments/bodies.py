"""Request bodies, filters and serialisers of segments."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import select

from api.routes.segments.answers import SegmentAnswer, SegmentAuthorAnswer
from asgi.body_base import Body, Count, JsonObject, LongText, MaxJsonBytes
from asgi.limits.bodies import LARGE_BODY_BYTES
from asgi.pagination import MAX_PAGE_SIZE, QueryColumns, apply_sort, filter_by_values, query_columns
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call
from asgi.request_limits import MAX_URL_BYTES
from models.access.user import User
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.statements import AnySelect, in_array
from services.catalog.segments.access import segment_visible_to, visible_author_email
from services.catalog.segments.segments import SEGMENT_COLUMNS, NewSegment, SegmentChange
from services.core.errors import ValidationFailed
from services.metadata.values import load_values_by_object

SegmentWord = Annotated[str, Field(max_length=1_000)]
Transcription = Annotated[dict[str, Any], Field(max_length=1_000), MaxJsonBytes(LARGE_BODY_BYTES)]
"""The words of a whole programme with their times."""
SegmentIdsParam = Annotated[str, Field(max_length=MAX_URL_BYTES)]


class SegmentBody(Body):
    """Writable fields of a segment; user names, dates and the asset are read-only and ignored."""

    segment_type: SegmentType | None = None
    status: SegmentStatus | None = None
    parent_id: UUID | None = None
    time_start_milliseconds: Count | None = None
    time_end_milliseconds: Count | None = None
    segment_text: LongText | None = None
    segment_color: SegmentWord | None = None
    segment_track: SegmentWord | None = None
    segment_checked: bool | None = None
    is_internal: bool | None = None
    external_id: SegmentWord | None = None
    person_id: UUID | None = None
    project_id: UUID | None = None
    transcription_id: UUID | None = None
    drawing: JsonObject | None = None
    transcription: Transcription | None = None
    semantic_transcription: Transcription | None = None
    shot: JsonObject | None = None
    face_bounding_boxes: Annotated[list[JsonObject], Field(fail_fast=True, max_length=1_000)] | None = None
    keyframe_id: UUID | None = None
    metadata_view_id: UUID | None = None
    subclip_id: UUID | None = None
    path: SegmentWord | None = None

    def values(self) -> dict[str, Any]:
        """Return the columns that were sent."""
        return {name: value for name, value in self.sent().items() if name in SEGMENT_COLUMNS}

    def details(self) -> dict[str, Any]:
        """Return the fields that are stored for clients only."""
        sent = {name: value for name, value in self.sent().items() if name in SEGMENT_DETAIL_FIELDS}
        return {name: str(value) if isinstance(value, UUID) else value for name, value in sent.items()}

    def new_segment(self) -> NewSegment:
        """Return the segment to create."""
        if self.segment_type is None:
            raise ValidationFailed("segment_type", f"is missing; known are {', '.join(SegmentType)}")
        return NewSegment(self.segment_type, self.values(), self.details(), self.parent_id)

    def change(self, segment_id: UUID) -> SegmentChange:
        """Return the change of a segment."""
        return SegmentChange(segment_id, self.values(), self.details())


SEGMENT_DETAIL_FIELDS = tuple(
    name for name in SegmentBody.model_fields if name not in SEGMENT_COLUMNS and name != "parent_id"
)


class SegmentBulkBody(Body):
    objects: Annotated[list[SegmentBody], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)]


class SegmentEditBody(SegmentBody):
    id: UUID


class SegmentBulkEditBody(Body):
    objects: Annotated[list[SegmentEditBody], Field(fail_fast=True, max_length=MAX_PAGE_SIZE)]


class SegmentFilter(BaseModel):
    """Filter of an asset's segments, for lists and exports."""

    ids: SegmentIdsParam = ""
    query: SegmentWord = ""
    transcription_id: UUID | None = None
    version_id: UUID | None = None
    segment_type: SegmentWord = ""
    segment_color: SegmentWord = ""
    status: SegmentWord = ""
    person_id: UUID | None = None
    share_id: UUID | None = None
    project_id: UUID | None = None
    time_start_milliseconds: Count | None = None
    time_end_milliseconds: Count | None = None
    time_start_milliseconds__gte: Count | None = None
    time_end_milliseconds__lte: Count | None = None


class SegmentListQuery(SegmentFilter):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = 50
    sort: Annotated[str, Field(max_length=500)] = ""
    include_users: bool = False
    include_all_versions: bool = False
    includes: SegmentWord = ""


class SegmentExportQuery(SegmentFilter):
    words_per_line: Annotated[int | None, Field(ge=1, le=1_000)] = None


SEGMENT_SORT_COLUMNS = query_columns(
    Segment.id,
    Segment.segment_type,
    Segment.segment_text,
    Segment.segment_color,
    Segment.segment_checked,
    Segment.status,
    Segment.time_start_milliseconds,
    Segment.time_end_milliseconds,
    Segment.date_created,
    Segment.date_modified,
)
SEGMENT_FILTER_COLUMNS = {
    **query_columns(Segment.segment_type, Segment.segment_color, Segment.status),
    "ids": Segment.id,
}
SEGMENT_MATCH_COLUMNS: QueryColumns = {
    **{name: column for name, column in SEGMENT_SORT_COLUMNS.items() if name != "id"},
    **{name: getattr(Segment, name) for name in ("external_id", "segment_track", "transcription_id", "person_id")},
    **{name: getattr(Segment, name) for name in ("parent_id", "project_id", "share_id", "user_id", "is_internal")},
}
"""Columns by which a bulk delete may match."""
SEGMENT_EXACT_FILTERS = (
    *("transcription_id", "version_id", "person_id", "share_id", "project_id"),
    *("time_start_milliseconds", "time_end_milliseconds"),
)


def filter_segments(call: Call, asset_id: UUID, choice: SegmentFilter, sort: str = "") -> AnySelect:
    """Select the segments of an asset that the caller sees and that the filter matches, by start time."""
    query = select(Segment).where(Segment.asset_id == asset_id, segment_visible_to(call.actor))
    query = filter_by_values(
        query, SEGMENT_FILTER_COLUMNS, {name: getattr(choice, name) for name in SEGMENT_FILTER_COLUMNS}
    )
    if not choice.status:
        query = query.where(Segment.status == SegmentStatus.ACTIVE)
    for name in SEGMENT_EXACT_FILTERS:
        if (value := getattr(choice, name)) is not None:
            query = query.where(getattr(Segment, name) == value)
    for word in choice.query.split():
        query = query.where(Segment.segment_text.icontains(word.rstrip("*"), autoescape=True))
    if choice.time_start_milliseconds__gte is not None:
        query = query.where(Segment.time_start_milliseconds >= choice.time_start_milliseconds__gte)
    if choice.time_end_milliseconds__lte is not None:
        query = query.where(Segment.time_end_milliseconds <= choice.time_end_milliseconds__lte)
    if not sort:
        query = query.order_by(Segment.time_start_milliseconds.nulls_last())
    return apply_sort(query, sort, SEGMENT_SORT_COLUMNS, Segment.id)


def load_segment_authors(call: Call, segments: Iterable[Segment]) -> dict[UUID, User]:
    """Load the authors of segments, in one query."""
    ids = {segment.user_id for segment in segments if segment.user_id is not None}
    return {user.id: user for user in call.session.scalars(select(User).where(in_array(User.id, ids)))} if ids else {}


def serialize_segments(
    call: Call, segments: Sequence[Segment], users: Mapping[UUID, User] | None = None
) -> list[SegmentAnswer]:
    """Serialise segments with authors and metadata values; guests read values only through the views of their share."""
    users = load_segment_authors(call, segments) if users is None else users
    ids = [segment.id for segment in segments]
    values = load_values_by_object(call.session, ids) if call.actor.guest is None else {}
    return [
        {
            **serialize_segment_row(segment, users),
            "metadata": values.get(segment.id),
            "share_user_email": visible_author_email(call.actor, segment),
        }
        for segment in segments
    ]


def serialize_segment_row(segment: Segment, users: Mapping[UUID, User]) -> SegmentAnswer:
    """Serialise a segment without its metadata values."""
    user = users.get(segment.user_id) if segment.user_id else None
    details = segment.details
    return {
        "transcription": details.get("transcription"),
        "semantic_transcription": details.get("semantic_transcription"),
        "shot": details.get("shot"),
        "face_bounding_boxes": details.get("face_bounding_boxes"),
        "keyframe_id": details.get("keyframe_id"),
        "metadata_view_id": details.get("metadata_view_id"),
        "subclip_id": details.get("subclip_id"),
        "path": details.get("path"),
        "id": str(segment.id),
        "asset_id": str(segment.asset_id),
        "version_id": str(segment.version_id),
        "segment_type": segment.segment_type,
        "status": segment.status,
        "parent_id": optional_id(segment.parent_id),
        "top_level": segment.parent_id is None,
        "time_start_milliseconds": segment.time_start_milliseconds,
        "time_end_milliseconds": segment.time_end_milliseconds,
        "segment_text": segment.segment_text,
        "segment_color": segment.segment_color,
        "segment_track": segment.segment_track,
        "segment_checked": segment.segment_checked,
        "is_internal": segment.is_internal,
        "external_id": segment.external_id,
        "person_id": optional_id(segment.person_id),
        "project_id": optional_id(segment.project_id),
        "transcription_id": optional_id(segment.transcription_id),
        "drawing": segment.drawing,
        "has_drawing": segment.drawing is not None,
        "has_attachments": False,
        "user_id": optional_id(segment.user_id),
        "user_first_name": user.first_name if user else None,
        "user_last_name": user.last_name if user else None,
        "user_photo": None,
        "share_id": optional_id(segment.share_id),
        "date_created": format_datetime(segment.date_created),
        "date_modified": format_datetime(segment.date_modified),
    }


def serialize_segment_page(call: Call, segments: Sequence[Segment], *, with_users: bool = False) -> list[SegmentAnswer]:
    """Serialise a page of segments, optionally with `user_info`."""
    users = load_segment_authors(call, segments)
    bodies: list[SegmentAnswer] = [{**body, "attachments": []} for body in serialize_segments(call, segments, users)]
    if with_users:
        for body, segment in zip(bodies, segments, strict=True):
            body["user_info"] = serialize_segment_author(users.get(segment.user_id)) if segment.user_id else None
    return bodies


def serialize_segment_author(user: User | None) -> SegmentAuthorAnswer | None:
    """Serialise the author of a segment, without fields that only administrators see."""
    if user is None:
        return None
    return {"id": str(user.id), "first_name": user.first_name, "last_name": user.last_name, "email": user.email}
