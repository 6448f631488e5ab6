"""What is known of the bytes of files, and the reports that people signed off."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt, CreatedMixin, DefaultNow, IdMixin


class FileDigest(Base):
    """A sum of all bytes of a file, by algorithm. Valid while the file has this size and mtime."""

    __tablename__ = "file_digest"
    __table_args__ = (
        Index("ix_file_digest_flipped", "file_id", postgresql_where=text("found IS NOT NULL")),
        Index(None, "digest"),
    )

    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), primary_key=True)
    algorithm: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    size: Mapped[BigInt]
    mtime_ns: Mapped[BigInt]
    date_proven: Mapped[DefaultNow]
    """When all bytes were read last and had this sum."""
    proven_by: Mapped[str]
    """What read them: a comparison with a copy, a transcode, a schedule."""
    found: Mapped[str | None]
    """Another sum that the same file had at `date_found`, with the same size and mtime: it lost bits."""
    date_found: Mapped[DefaultNow]
    """When it was read last."""


class FileSetCopies(Base):
    """How many copies of a file set are known by content. Without a row there are none that were verified."""

    __tablename__ = "file_set_copies"

    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), primary_key=True)
    verified_copies: Mapped[int]
    """Storages that have each of its files, with the same sum; of the file with the fewest."""
    duplicate_of: Mapped[uuid.UUID | None]
    """The oldest other asset with a file set of the same content."""


class ArrivalCheck(Base):
    """An island with a structure, and the answer that was announced of it last. Only islands that arrived on a storage
    which asks for it have a row."""

    __tablename__ = "arrival_check"
    __table_args__ = (Index("ix_arrival_check_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),)

    island_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("island.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    due_at: Mapped[datetime | None]
    """When it may be judged; null until it changes."""
    changed_at: Mapped[DefaultNow]
    answer: Mapped[str | None]


class ReadinessReport(IdMixin, CreatedMixin, Base):
    """The answer to `ready` as a person signed it off, or as it was announced."""

    __tablename__ = "readiness_report"
    __table_args__ = (Index(None, "storage_id", "date_created"),)

    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"))
    path: Mapped[str]
    """The folder or file below the storage's root, for people."""
    answer: Mapped[str]
    level: Mapped[str]
    actor: Mapped[str]
    user_id: Mapped[uuid.UUID | None]
    report: Mapped[dict[str, Any]] = mapped_column(JSONB)
