"""Storages: a watched root with its settings and the last status from its watcher."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt, CreatedMixin, IdMixin, TextEnum, TimestampsMixin, checked_text
from models.core.mounts import resolve_mount

PURPOSE_FILES, PURPOSE_PROXIES = "FILES", "PROXIES"
"""Purposes of a storage: FILES are watched, PROXIES contain renditions written by Tapeless."""


class StorageStatus(TextEnum):
    ACTIVE = "ACTIVE"
    FAILING = "FAILING"
    INACTIVE = "INACTIVE"


class ProfileRevision(CreatedMixin, Base):
    """A former profile of a storage: islands not grouped since then still follow it."""

    __tablename__ = "profile_revision"

    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Storage(IdMixin, TimestampsMixin, Base):
    """One watched root. Users write the upper half of the columns, only its watcher the lower half."""

    __tablename__ = "storage"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    method: Mapped[str] = mapped_column(server_default="FILE")
    purpose: Mapped[str] = mapped_column(server_default="FILES")
    root: Mapped[bytes] = mapped_column(unique=True)
    """Real path of the mount point, as bytes because a path need not be UTF-8."""
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    profile_revision: Mapped[int] = mapped_column(server_default="1")
    owner_id: Mapped[uuid.UUID | None]
    """Creator of ingested assets; an administrator if null."""
    scan_requested_at: Mapped[datetime | None]
    accept_requested_at: Mapped[datetime | None]

    status: Mapped[StorageStatus] = mapped_column(checked_text(StorageStatus), server_default="ACTIVE")
    status_message: Mapped[str] = mapped_column(server_default="")
    frozen_reason: Mapped[str | None]
    """Why deletions are frozen; null if they are not."""
    root_device: Mapped[BigInt | None]
    root_inode: Mapped[BigInt | None]
    watcher_seen_at: Mapped[datetime | None]
    watcher_restarts: Mapped[BigInt] = mapped_column(server_default="0")
    """How often its watcher ended with an error and started again."""
    watcher_error: Mapped[str | None]
    """Why it did last; null once it has done everything that was due since."""
    writer_check: Mapped[str | None]
    """How its watcher finds out that a file is no longer written (`watch.disk.settling`)."""
    scan_started_at: Mapped[datetime | None]
    last_scanned: Mapped[datetime | None]
    scan_seconds: Mapped[float] = mapped_column(server_default="0")
    scan_entries: Mapped[BigInt] = mapped_column(server_default="0")
    """Entries walked so far by the current scan, or by the last one."""
    scan_expected: Mapped[BigInt] = mapped_column(server_default="0")
    """Entries of the last full walk: the total of the progress bar."""
    unsettled: Mapped[BigInt] = mapped_column(server_default="0")
    """Files on disk that have not settled yet."""
    events_lost: Mapped[BigInt] = mapped_column(server_default="0")
    """Number of overflows of the kernel's event queue and of watches that could not be set; each caused a scan."""

    @property
    def place(self) -> bytes:
        """The local path of its root."""
        return resolve_mount(self.root)
