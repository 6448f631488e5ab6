"""Files that a client declared for an asset or a storage. `file` belongs to the watcher; files that no watcher sees are
stored here."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.catalog.file import FileStatus
from models.core.base import Base, BigInt, IdMixin, TextEnum, TimestampsMixin, checked_text


class FileType(TextEnum):
    DIRECTORY = "DIRECTORY"
    FILE = "FILE"
    SEQUENCE = "SEQUENCE"
    SYMLINK = "SYMLINK"


class DeclaredFile(IdMixin, TimestampsMixin, Base):
    """One file as described by its system, with or without an asset; Tapeless never looks for it on disk."""

    __tablename__ = "declared_file"
    __table_args__ = (
        CheckConstraint("(asset_id IS NULL) = (file_set_id IS NULL)", name="in_both"),
        CheckConstraint("asset_id IS NOT NULL OR storage_id IS NOT NULL", name="somewhere"),
    )

    asset_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    file_set_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), index=True)
    storage_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), index=True)
    directory_path: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str]
    original_name: Mapped[str]
    type: Mapped[FileType] = mapped_column(checked_text(FileType), server_default="FILE")
    status: Mapped[FileStatus] = mapped_column(checked_text(FileStatus), server_default="OPEN")
    size: Mapped[BigInt | None]
    checksum: Mapped[str | None]
    user_id: Mapped[uuid.UUID | None]
    file_date_created: Mapped[datetime | None]
    file_date_modified: Mapped[datetime | None]
