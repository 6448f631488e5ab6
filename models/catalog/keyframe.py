"""Pictures of file sets, made by Tapeless and stored as files."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt, CreatedMixin, IdMixin, TextEnum, checked_text


class KeyframeType(TextEnum):
    KEYFRAME = "KEYFRAME"
    KEYFRAME_MAP = "KEYFRAME_MAP"
    POSTER = "POSTER"


class Keyframe(IdMixin, CreatedMixin, Base):
    """A picture of a file set: a poster, a thumbnail, or a strip of many moments for scrubbing."""

    __tablename__ = "keyframe"
    __table_args__ = (UniqueConstraint("file_set_id", "type"),)

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
