"""A storage: a watched root with its settings, and what its watcher last said of it."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Big, Created, Id, Word, checked_text
from models.mounts import here

FILES, PROXIES = "FILES", "PROXIES"
"""Purposes of a storage: what lies on the one is watched, what lies on the other Tapeless wrote itself."""


class StorageStatus(Word):
    ACTIVE = "ACTIVE"
    FAILING = "FAILING"
    INACTIVE = "INACTIVE"


class ProfileRevision(Base):
    """A profile that a storage had before: islands that were not grouped since are right by it."""

    __tablename__ = "profile_revision"

    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB)
    date_created: Mapped[Created]


class Storage(Base):
    """One watched root; people write the upper half, its watcher alone the lower half."""

    __tablename__ = "storage"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    method: Mapped[str] = mapped_column(server_default="FILE")
    purpose: Mapped[str] = mapped_column(server_default="FILES")
    root: Mapped[bytes] = mapped_column(unique=True)
    """The real path of the mount point: bytes, because a path need not be UTF-8."""
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    profile_revision: Mapped[int] = mapped_column(server_default="1")
    owner_id: Mapped[uuid.UUID | None]
    """Creator of what the storage ingests; an administrator where nobody is set."""
    date_created: Mapped[Created]
    date_modified: Mapped[Created]
    scan_requested_at: Mapped[datetime | None]
    accept_requested_at: Mapped[datetime | None]

    status: Mapped[StorageStatus] = mapped_column(checked_text(StorageStatus), server_default="ACTIVE")
    status_message: Mapped[str] = mapped_column(server_default="")
    frozen_reason: Mapped[str | None]
    """Why deletions are frozen; null while they are not."""
    root_device: Mapped[Big | None]
    root_inode: Mapped[Big | None]
    watcher_seen_at: Mapped[datetime | None]
    scan_started_at: Mapped[datetime | None]
    last_scanned: Mapped[datetime | None]
    scan_seconds: Mapped[float] = mapped_column(server_default="0")
    scan_entries: Mapped[Big] = mapped_column(server_default="0")
    """Entries walked so far by the scan that runs, or by the last one."""
    scan_expected: Mapped[Big] = mapped_column(server_default="0")
    """Entries of the last whole walk: what a progress bar measures against."""
    unsettled: Mapped[Big] = mapped_column(server_default="0")
    """Files on disk that are not stable yet."""
    events_lost: Mapped[Big] = mapped_column(server_default="0")
    """How often the kernel's queue of events overflowed or a watch could not be set; each was followed by a scan."""

    @property
    def place(self) -> bytes:
        """Where its root is on this machine."""
        return here(self.root)
