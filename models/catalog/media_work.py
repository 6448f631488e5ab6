"""Queue of media work (probing, previews, sidecars), and the pictures that were made.

Reading media happens after the asset is already searchable. Grouping makes it necessary, so database triggers
(`queue_media_work`, `queue_sidecar_work`) enqueue it, beside those of the index. A row is one kind of reading of one
file set. It is deleted when done; a file that cannot be read stays as a dead letter with its reason.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt, DefaultNow, Id, TextEnum, checked_text


class MediaKind(TextEnum):
    HEADERS = "HEADERS"
    PICTURES = "PICTURES"
    """Poster, thumbnail and strip, or the waveform of a sound."""
    SIDECARS = "SIDECARS"
    """Sidecar files: metadata and checksums."""


class MediaWork(Base):
    """Pending reading of one kind for one file set. `revision` increases with every change of the content, so that
    reading older content does not complete the work."""

    __tablename__ = "media_work"
    __table_args__ = (
        Index("ix_media_work_waiting", "kind", "file_set_id", postgresql_where=text("parked_at IS NULL")),
    )

    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[MediaKind] = mapped_column(checked_text(MediaKind), primary_key=True)
    revision: Mapped[BigInt] = mapped_column(server_default=text("nextval('media_revision')"))
    queued_at: Mapped[DefaultNow] = mapped_column("waits_since")
    not_before: Mapped[DefaultNow]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    """Claims since the last orderly end: work with an attempt is claimed alone, so that it cannot harm other work."""
    failures: Mapped[int] = mapped_column(server_default="0")
    """Isolated readings that crashed the reader or failed in another way."""
    error: Mapped[str | None]
    dead_lettered_at: Mapped[datetime | None] = mapped_column("parked_at")


class KeyframeType(TextEnum):
    KEYFRAME = "KEYFRAME"
    KEYFRAME_MAP = "KEYFRAME_MAP"
    POSTER = "POSTER"


class Keyframe(Base):
    """A picture of a file set: a poster, a thumbnail, or a strip of many moments for scrubbing."""

    __tablename__ = "keyframe"
    __table_args__ = (UniqueConstraint("file_set_id", "type"),)

    id: Mapped[Id]
    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"))
    type: Mapped[KeyframeType] = mapped_column(checked_text(KeyframeType))
    path: Mapped[str]
    """Path below the media folder. It contains the digest of the content, so that a URL never changes its picture."""
    media_type: Mapped[str]
    size_bytes: Mapped[BigInt]
    width: Mapped[int]
    height: Mapped[int]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Time of the picture; for a strip, the number of tiles and their times."""
    date_created: Mapped[DefaultNow]
