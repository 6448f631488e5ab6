"""Folders and files as the watcher saw them, identified by parent and name bytes, so that renaming a tree changes one
row; and the paths of many folders at once.
Files that a client declared for an asset or a storage, and that no watcher sees, have a table of their own."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import Base, BigInt, IdMixin, Serial, TextEnum, TimestampsMixin, checked_text


class FileStatus(TextEnum):
    OPEN = "OPEN"
    GROWING = "GROWING"
    AWAITED = "AWAITED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"
    MISSING = "MISSING"
    REDISCOVERED = "REDISCOVERED"
    DELETED = "DELETED"


class Folder(Base):
    """One folder of a storage; the root folder has no parent and an empty name."""

    __tablename__ = "folder"
    __table_args__ = (UniqueConstraint("storage_id", "parent_id", "name", postgresql_nulls_not_distinct=True),)

    id: Mapped[Serial]
    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="CASCADE"), index=True)
    name: Mapped[bytes]
    island_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("island.id", ondelete="SET NULL", use_alter=True), index=True
    )
    digest: Mapped[bytes | None]
    """Digest of the settled listing (name, size, mtime_ns, inode): if it is equal, the rows below need not be read."""
    error: Mapped[str | None]


class FrameBucket(Base):
    """The frames of one bucket, maintained incrementally, so that one more frame does not cost a read of its folder."""

    __tablename__ = "frame_bucket"

    folder_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[bytes] = mapped_column(primary_key=True)
    runs: Mapped[dict[str, str]] = mapped_column(JSONB)
    """Frame ranges by padding."""


class File(IdMixin, TimestampsMixin, Base):
    """One regular file, written only by the watcher. Its file set is stored in `file_set_file`."""

    __tablename__ = "file"
    __table_args__ = (
        UniqueConstraint("folder_id", "name"),
        Index(None, "folder_id", "seen"),
        Index(None, "inode"),
        Index("ix_file_unfinished", "status", postgresql_where=text("status <> 'CLOSED'")),
        Index("ix_file_coarse", "mtime_ns", "size", "name", postgresql_where=text("mtime_ns % 1000000 = 0")),
        Index("ix_file_error", "folder_id", postgresql_where=text("error IS NOT NULL")),
        Index("ix_file_suspected", "suspected_at", postgresql_where=text("suspected_at IS NOT NULL")),
        # Without fastupdate: a search would read the list of pending entries from end to end.
        Index(
            "ix_file_blocking_keys",
            "blocking_keys",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where=text("blocking_keys IS NOT NULL"),
        ),
        Index(
            "ix_file_without_keys",
            "folder_id",
            postgresql_where=text("blocking_keys IS NULL AND bucket IS NULL AND status <> 'FAILED'"),
        ),
    )

    folder_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="CASCADE"))
    name: Mapped[bytes]
    size: Mapped[BigInt]
    mtime_ns: Mapped[BigInt]
    """Nanoseconds since 1970; a time that 64 bits cannot hold (before 1678, after 2262) is stored as the nearest."""
    ctime_ns: Mapped[BigInt | None]
    """Last change of content or attributes, which no program can set; null until a walk has seen it."""
    device: Mapped[BigInt]
    inode: Mapped[BigInt]
    status: Mapped[FileStatus] = mapped_column(checked_text(FileStatus))
    seen: Mapped[BigInt]
    """The island's `seen` that last touched this row: values above the island's `done` are new to grouping."""
    content_seen: Mapped[BigInt]
    """The `seen` at which the content last changed: a move or a reappearance leaves it as it is."""
    error: Mapped[str | None]
    """Why it cannot be read, or could not be recorded, as of the last look; null while it can."""
    suspected_at: Mapped[datetime | None]
    """First found missing at this time; the next scan decides (a vanished mount is not a deletion)."""
    media_class: Mapped[str]
    bucket: Mapped[bytes | None]
    """Key of the frame bucket in its folder; null if the name contains no frame number."""
    frame: Mapped[BigInt | None]
    width: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    padded: Mapped[bool] = mapped_column(server_default=text("false"))
    blocking_keys: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """Hashes of the keys by which its name can meet others of its island (`grouping.blocking`), and of its folder; null
    for frames, and until the watcher has computed them."""
    checksum: Mapped[str | None]
    """Unused: sums are in `file_checksum` and `file_digest`. Kept while version 0.2 may run, which selects it."""
    digest: Mapped[bytes | None]
    """Digest of the size and both ends of the file: distinguishes files of equal size and time, and new content from
    changed attributes. Null until they are read, soon after it was published."""


def hash_blocking_keys(folder_id: int, keys: Iterable[bytes]) -> list[int]:
    """Return the form in which blocking keys of a folder's files are stored: cameras use the same names in all folders,
    and so each folder has hashes of its own."""
    salt = folder_id.to_bytes(8, "big")
    return sorted(int.from_bytes(blake2b(key, digest_size=8, salt=salt).digest(), "big", signed=True) for key in keys)


# Walks up from each folder and joins the names with `/` (0x2f), so that only ancestors are read and not the whole tree:
# names are bytes. The root's own name is empty.
FOLDER_PATHS = {
    column: text(f"""
        WITH RECURSIVE up AS (
            SELECT id, parent_id, name AS path FROM folder WHERE {column} = ANY(:keys)
            UNION ALL
            SELECT up.id, parent.parent_id, parent.name || '\\x2f'::bytea || up.path
            FROM up JOIN folder AS parent ON parent.id = up.parent_id
        )
        SELECT id, path FROM up WHERE parent_id IS NULL ORDER BY id
    """)
    for column in ("id", "island_id", "storage_id")
}


def read_folder_paths(session: Session, keys: Iterable[object], column: str = "id") -> dict[int, bytes]:
    """Return the paths of folders by id: of these folders, or of all of these islands (`island_id`) or storages
    (`storage_id`)."""
    rows = session.execute(FOLDER_PATHS[column], {"keys": list(keys)})
    return {row.id: bytes(row.path).removeprefix(b"/") for row in rows}


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
