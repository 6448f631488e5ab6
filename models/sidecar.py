"""What sidecars left behind: the values that they wrote last, and what became of the checksums that they list.

Without the first nobody could tell a value that a sidecar wrote, and may write anew, from one that a person chose.
"""

import uuid
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Big, Created


class SidecarValue(Base):
    """What a sidecar of an asset wrote last into a metadata field, by the field's id, or into the asset's own `.title`
    or `.external_id`."""

    __tablename__ = "sidecar_value"

    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[list[Any]] = mapped_column(JSONB)


class FileChecksum(Base):
    """What came out when a file was summed up against a list. It counts while the file has this size and time."""

    __tablename__ = "file_checksum"

    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), primary_key=True)
    list_name: Mapped[str] = mapped_column(primary_key=True)
    list_id: Mapped[uuid.UUID]
    """The file set of the list, as long as there is one: it is read again when the file changes."""
    algorithm: Mapped[str]
    expected: Mapped[str]
    found: Mapped[str]
    matches: Mapped[bool]
    size: Mapped[Big]
    mtime_ns: Mapped[Big]
    date_checked: Mapped[Created]
