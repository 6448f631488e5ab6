"""What waits to be read out of files, and the pictures that were made of them.

Reading is work of its own, behind the asset that can be found already, and it is made necessary by what the grouping
writes: so the database itself queues it, by triggers beside those of the index. A row stands for one file set and one
kind of reading, and it goes when that is done; what cannot be read stays, parked with its reason.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Big, Created, Id, Word, checked_text


class MediaKind(Word):
    HEADERS = "HEADERS"
    PICTURES = "PICTURES"
    """Poster, thumbnail and strip, or the waveform of a sound."""
    SIDECARS = "SIDECARS"
    """What the small files beside media say of them."""


class MediaWork(Base):
    """One kind of reading that a file set waits for. `revision` goes up with every change of its content, so that a
    reading of older content does not end the wait."""

    __tablename__ = "media_work"
    __table_args__ = (
        Index("ix_media_work_waiting", "kind", "file_set_id", postgresql_where=text("parked_at IS NULL")),
    )

    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[MediaKind] = mapped_column(checked_text(MediaKind), primary_key=True)
    revision: Mapped[Big] = mapped_column(server_default=text("nextval('media_revision')"))
    waits_since: Mapped[Created]
    not_before: Mapped[Created]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    """Claims since the last orderly end: what has one already is taken alone, so that it harms no neighbour."""
    failures: Mapped[int] = mapped_column(server_default="0")
    """Readings alone that ended its reader, or went wrong in another way."""
    error: Mapped[str | None]
    parked_at: Mapped[datetime | None]


class KeyframeType(Word):
    KEYFRAME = "KEYFRAME"
    KEYFRAME_MAP = "KEYFRAME_MAP"
    POSTER = "POSTER"


class Keyframe(Base):
    """A picture made of a file set: a poster, a thumbnail, or a strip of many moments for scrubbing."""

    __tablename__ = "keyframe"
    __table_args__ = (UniqueConstraint("file_set_id", "type"),)

    id: Mapped[Id]
    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"))
    type: Mapped[KeyframeType] = mapped_column(checked_text(KeyframeType))
    path: Mapped[str]
    """Below the media folder; it carries the digest of the content, so that no address ever changes its picture."""
    media_type: Mapped[str]
    size_bytes: Mapped[Big]
    width: Mapped[int]
    height: Mapped[int]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Of which moment it is; of a strip, how many pictures stand in it and how far apart they are in time."""
    date_created: Mapped[Created]
