"""Responses about segments."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText, JsonMap
from models.catalog.segment import SegmentStatus, SegmentType


class SegmentAuthorAnswer(TypedDict):
    """The author of a segment."""

    id: IdText
    first_name: str
    last_name: str
    email: str


class SegmentAnswer(TypedDict):
    """A comment, marker or other metadata of a span of time."""

    id: IdText
    asset_id: IdText
    version_id: IdText
    segment_type: SegmentType
    status: SegmentStatus
    parent_id: IdText | None
    top_level: bool
    time_start_milliseconds: int | None
    time_end_milliseconds: int | None
    segment_text: str
    segment_color: str | None
    segment_track: str | None
    segment_checked: bool
    is_internal: bool
    external_id: str | None
    person_id: IdText | None
    project_id: IdText | None
    transcription_id: IdText | None
    transcription: JsonMap | None
    semantic_transcription: JsonMap | None
    shot: JsonMap | None
    face_bounding_boxes: list[JsonMap] | None
    keyframe_id: IdText | None
    metadata_view_id: IdText | None
    subclip_id: IdText | None
    path: str | None
    drawing: JsonMap | None
    has_drawing: bool
    has_attachments: Literal[False]
    user_id: IdText | None
    user_first_name: str | None
    user_last_name: str | None
    user_photo: None
    share_id: IdText | None
    date_created: DateText
    date_modified: DateText
    metadata: NotRequired[JsonMap | None]
    share_user_email: NotRequired[str | None]
    attachments: NotRequired[list[JsonMap]]
    user_info: NotRequired[SegmentAuthorAnswer | None]
