"""Results of sidecars: the values that they wrote last, and the outcome of checksum verification.

The former are needed to distinguish a value that a sidecar wrote, and may overwrite, from one that a user chose.
"""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt, DefaultNow


class SidecarValue(Base):
    """Value last written by a sidecar of an asset, by the id of the metadata field, or to the asset's own `.title` or
    `.external_id`."""

    __tablename__ = "sidecar_value"

    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[list[Any]] = mapped_column(JSONB)


class FileChecksum(Base):
    """Result of verifying a file against a checksum list. Valid while the file has this size and mtime."""

    __tablename__ = "file_checksum"
    __table_args__ = (
        Index("ix_file_checksum_mismatch", "file_id", postgresql_where=text("NOT matches")),
        Index(None, "found"),
    )

    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), primary_key=True)
    list_name: Mapped[str] = mapped_column(primary_key=True)
    list_id: Mapped[uuid.UUID]
    """The file set of the list, if it still exists: the list is read again when the file changes."""
    algorithm: Mapped[str]
    expected: Mapped[str]
    found: Mapped[str]
    matches: Mapped[bool]
    size: Mapped[BigInt]
    mtime_ns: Mapped[BigInt]
    date_checked: Mapped[DefaultNow]
