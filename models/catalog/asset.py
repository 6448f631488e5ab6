"""Assets and their parts: formats, file sets, components, files in file sets, and pictures made of them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from models.core.base import Base, BigInt, CreatedMixin, IdMixin, TextEnum, TimestampsMixin, checked_text

ASSET_KIND = "assets"
"""Name of the object type in ACLs, history and the API."""
MAX_SUMMARY_CHARACTERS = 256_000
"""Limit of a text column of `file_set` that lists names or frames; what is longer is truncated."""


IS_UNREADABLE = "media ?| ARRAY['error', 'picture_error']"
"""SQL condition on a component GENERAL: the header or the picture of its file set could not be read."""


class AssetStatus(TextEnum):
    ACTIVE = "ACTIVE"
    DELETED = "DELETED"


class AssetType(TextEnum):
    ASSET = "ASSET"
    CUSTOM = "CUSTOM"
    LINK = "LINK"
    NLE_PROJECT = "NLE_PROJECT"
    PLACEHOLDER = "PLACEHOLDER"
    SEQUENCE = "SEQUENCE"
    SUBCLIP = "SUBCLIP"


class FormatRole(TextEnum):
    ORIGINAL = "original"
    TRANSCODE = "transcode"
    SIDECAR = "sidecar"


class ComponentType(TextEnum):
    AUDIO = "AUDIO"
    EXIF = "EXIF"
    GENERAL = "GENERAL"
    IMAGE = "IMAGE"
    IPTC = "IPTC"
    MANIFEST = "MANIFEST"
    NON_MEDIA = "NON_MEDIA"
    OTHER = "OTHER"
    TEXT = "TEXT"
    VIDEO = "VIDEO"
    XMP = "XMP"


class FileSetType(TextEnum):
    REGULAR = "REGULAR"
    MANY_FILES = "MANY_FILES"


class FileSetStatus(TextEnum):
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"


class Asset(IdMixin, TimestampsMixin, Base):
    """One media item as users see it ("the clip"). Version 1 has the asset's own id."""

    __tablename__ = "asset"
    __table_args__ = (
        Index(None, "external_id", postgresql_where=text("external_id IS NOT NULL")),
        Index(None, "island_id", postgresql_where=text("island_id IS NOT NULL")),
        Index(None, "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("ix_asset_deleted", "date_deleted", postgresql_where=text("status = 'DELETED'")),
    )

    title: Mapped[str]
    title_by_hand: Mapped[bool] = mapped_column(server_default=text("false"))
    """A user set the title; grouping no longer changes it."""
    external_id: Mapped[str | None]
    type: Mapped[AssetType] = mapped_column(checked_text(AssetType), server_default="ASSET")
    status: Mapped[AssetStatus] = mapped_column(checked_text(AssetStatus), server_default="ACTIVE")
    is_online: Mapped[bool] = mapped_column(server_default=text("true"))
    island_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("island.id", ondelete="SET NULL"))
    """The island that owns the asset; null for assets created without files."""
    merged_into: Mapped[uuid.UUID | None]
    """The surviving asset that answers for this id; always one hop, never a chain."""
    created_by_user: Mapped[uuid.UUID | None]
    updated_by_user: Mapped[uuid.UUID | None]
    deleted_by_user: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Values that clients set and that only clients read (category, external_link, time_start_milliseconds …)."""
    date_deleted: Mapped[datetime | None]


class Format(IdMixin, TimestampsMixin, Base):
    """One representation of the content. `structure` is one of `FORMAT_KINDS` in `grouping.model.plan`, `rule` the rule
    that created it."""

    __tablename__ = "format"

    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[uuid.UUID]
    name: Mapped[str]
    role: Mapped[FormatRole] = mapped_column(checked_text(FormatRole))
    structure: Mapped[str]
    rule: Mapped[str] = mapped_column(server_default="")
    is_online: Mapped[bool] = mapped_column(server_default=text("true"))
    warnings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    media: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


class FileSet(IdMixin, TimestampsMixin, Base):
    """Files that belong together in one folder tree. Everything that search shows about files is stored here, not on
    `file`."""

    __tablename__ = "file_set"
    __table_args__ = (
        Index(
            "ix_file_set_unquiet",
            text("coalesce(changed_at, date_created)"),
            postgresql_where=text(
                "frames IS NOT NULL AND quiet_for IS DISTINCT FROM coalesce(changed_at, date_created)"
            ),
        ),
        Index(
            "ix_file_set_unreported",
            "island_id",
            postgresql_where=text("told_count <> file_count OR untold_changes > 0 OR empty_frames <> ''"),
        ),
    )

    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    format_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("format.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[uuid.UUID]
    storage_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), index=True)
    island_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("island.id", ondelete="SET NULL"), index=True)
    label: Mapped[str] = mapped_column(server_default="")
    """Distinguishes this set within its format: an eye, a camera, a track, a language."""
    name: Mapped[str]
    """Display name: the file's name, or a sequence's template such as `plate.[1001-1240].exr`."""
    base_dir: Mapped[str] = mapped_column(server_default="")
    type: Mapped[FileSetType] = mapped_column(checked_text(FileSetType), server_default="REGULAR")
    status: Mapped[FileSetStatus] = mapped_column(checked_text(FileSetStatus), server_default="ACTIVE")
    file_count: Mapped[int] = mapped_column(server_default="0")
    size_bytes: Mapped[BigInt] = mapped_column(server_default="0")
    names: Mapped[str] = mapped_column(server_default="")
    """Up to 1,000 member names for search, one per line."""
    note: Mapped[str] = mapped_column(server_default="")
    """Current remark for users, such as a member that is growing again."""
    reported_count: Mapped[int] = mapped_column("told_count", server_default="0")
    """`file_count` as last recorded in history: growth is recorded once, when it has stopped."""
    unreported_changes: Mapped[int] = mapped_column("untold_changes", server_default="0")
    """Members rewritten since then."""
    changed_at: Mapped[datetime | None]
    quiet_for: Mapped[datetime | None]
    """The change after which a sequence was announced as quiet last."""
    bucket_folder_id: Mapped[int | None] = mapped_column(BigInteger)
    """With `bucket_key` and `padding`: the one frame bucket that the set consists of entirely, as of the last completed
    grouping."""
    bucket_key: Mapped[bytes | None]
    first_frame: Mapped[BigInt | None]
    last_frame: Mapped[BigInt | None]
    frame_step: Mapped[BigInt | None]
    padding: Mapped[int | None] = mapped_column(SmallInteger)
    frames: Mapped[str | None]
    """Ranges such as `1001-1240,1242-1300`; null unless the set is a sequence."""
    missing_frames: Mapped[int] = mapped_column(server_default="0")
    missing: Mapped[str] = mapped_column(server_default="")
    empty_frames: Mapped[str] = mapped_column(server_default="")


class Component(IdMixin, Base):
    """A stream or part of a format (picture, sound, caption), and the file set that contains it."""

    __tablename__ = "component"
    __table_args__ = (
        Index(
            "ix_component_missing_clips",
            "file_set_id",
            postgresql_where=text("from_header AND media ? 'missing_clips'"),
        ),
        Index(
            "ix_component_unreadable",
            "file_set_id",
            postgresql_where=text(f"from_header AND type = 'GENERAL' AND {IS_UNREADABLE}"),
        ),
    )

    format_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("format.id", ondelete="CASCADE"), index=True)
    file_set_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    type: Mapped[ComponentType] = mapped_column(checked_text(ComponentType))
    language: Mapped[str | None]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    media: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Facts from the header of its file."""
    from_header: Mapped[bool] = mapped_column(server_default=text("false"))
    """Known only from the media header: grouping neither creates nor compares it."""


class FileSetFile(Base):
    """Membership of a file in a file set, one per file. Written only by grouping."""

    __tablename__ = "file_set_file"

    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), primary_key=True)
    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), index=True)
    counted_bytes: Mapped[BigInt] = mapped_column(server_default="0")
    """The member's share of its set's `size_bytes`, so that a change is applied as a difference."""
    rewritten: Mapped[bool] = mapped_column(server_default=text("false"))
    """Counted in its set's `untold_changes`: a member that is written four times is one changed file."""


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
