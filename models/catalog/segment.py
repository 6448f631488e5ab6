"""Segments: comments, markers, transcriptions and other time-based annotations of assets."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, IdMixin, TextEnum, TimestampsMixin, checked_text


class SegmentType(TextEnum):
    COMMENT = "COMMENT"
    GENERIC = "GENERIC"
    MARKER = "MARKER"
    PERSON = "PERSON"
    QC = "QC"
    SCENE = "SCENE"
    SEMANTIC_TRANSCRIPTION = "SEMANTIC_TRANSCRIPTION"
    SHOT = "SHOT"
    TAG = "TAG"
    TRANSCRIPTION = "TRANSCRIPTION"


class SegmentStatus(TextEnum):
    ACTIVE = "ACTIVE"
    AWAITED = "AWAITED"
    DELETED = "DELETED"


class Segment(IdMixin, TimestampsMixin, Base):
    """One segment. Its author is a user, or a guest of a share by e-mail. Readable with read access to the asset."""

    __tablename__ = "segment"
    __table_args__ = (
        CheckConstraint("time_start_milliseconds >= 0", name="starts"),
        CheckConstraint(
            "time_end_milliseconds IS NULL OR time_end_milliseconds >= time_start_milliseconds", name="ends"
        ),
        CheckConstraint("time_end_milliseconds IS NULL OR time_start_milliseconds IS NOT NULL", name="ends_alone"),
        Index(None, "asset_id", "segment_type", "time_start_milliseconds"),
        Index(None, "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        Index(None, "date_deleted", postgresql_where=text("date_deleted IS NOT NULL")),
    )

    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    version_id: Mapped[uuid.UUID]
    made_on: Mapped[uuid.UUID]
    """The asset that it was created on, even if merged into another since: searches exclude segments by it."""
    segment_type: Mapped[SegmentType] = mapped_column(checked_text(SegmentType))
    status: Mapped[SegmentStatus] = mapped_column(checked_text(SegmentStatus), server_default="ACTIVE")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"))
    """The comment that this one replies to; replies have no replies."""
    time_start_milliseconds: Mapped[int | None]
    """Measured from the start of the clip; null if it is about the whole asset."""
    time_end_milliseconds: Mapped[int | None]
    """Null if it is about a single moment."""
    segment_text: Mapped[str] = mapped_column(server_default="")
    segment_color: Mapped[str | None]
    segment_track: Mapped[str | None]
    segment_checked: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the comment was checked off."""
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))
    """Hidden from guests of shares."""
    external_id: Mapped[str | None]
    person_id: Mapped[uuid.UUID | None]
    project_id: Mapped[uuid.UUID | None]
    transcription_id: Mapped[uuid.UUID | None]
    """Groups lines imported together from one caption file."""
    drawing: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Values that clients set and that only clients read (transcription, keyframe_id, shot …)."""
    user_id: Mapped[uuid.UUID | None]
    share_id: Mapped[uuid.UUID | None]
    share_user_id: Mapped[uuid.UUID | None]
    share_user_email: Mapped[str | None]
    date_deleted: Mapped[datetime | None]
    deleted_by_user: Mapped[uuid.UUID | None]
