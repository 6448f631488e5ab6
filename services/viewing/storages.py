"""A storage as operators see it: what is on it, what is written or unreadable, and what other patterns would hide."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from grouping import IgnorePatterns
from models.catalog.asset import FileSet, FileSetFile
from models.catalog.file import File, FileStatus, Folder, read_folder_paths
from models.catalog.storage import Storage
from models.core.paths import display_path, join_path
from models.core.statements import AnyRow, in_array
from watch.rows.known_files import GONE_STATUSES

MAX_SHOWN_PATHS = 50
MAX_COMPARED_FILES = 200_000
"""Names that a preview of patterns reads at most: 0.7 s, and 3 s where a pattern has a slash, on two busy cores."""
UNSETTLED_STATUSES = (FileStatus.OPEN, FileStatus.GROWING, FileStatus.AWAITED)


@dataclass(frozen=True, slots=True)
class StorageCounts:
    """What assets have on a storage."""

    assets: int
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class ShownPath:
    """A file or folder of a storage, with its state and why it cannot be read."""

    path: str
    status: str
    size: int
    error: str | None


@dataclass(frozen=True, slots=True)
class IgnorePreview:
    """Files that other patterns would hide, with the first paths, and how many assets have them."""

    files: int
    assets: int
    shown: Sequence[str]
    is_cut: bool
    """Whether only the first `MAX_COMPARED_FILES` files were compared."""


def list_present_storages(session: Session) -> Sequence[Storage]:
    """Return the storages that were not removed, by name."""
    return session.scalars(select(Storage).where(Storage.removed_at.is_(None)).order_by(Storage.name)).all()


def list_storage_counts(session: Session) -> dict[uuid.UUID, StorageCounts]:
    """Count what assets have on each storage, from the summaries of their file sets."""
    query = select(
        FileSet.storage_id,
        func.count(FileSet.asset_id.distinct()),
        func.sum(FileSet.file_count),
        func.sum(FileSet.size_bytes),
    ).where(FileSet.storage_id.is_not(None))
    rows = session.execute(query.group_by(FileSet.storage_id))
    return {row[0]: StorageCounts(row[1], int(row[2]), int(row[3])) for row in rows if row[0] is not None}


def list_unsettled_files(session: Session, storage: Storage) -> list[ShownPath]:
    """Return files that are being written, or are empty and wait for content."""
    return _show_files(session, _select_files(storage).where(File.status.in_(UNSETTLED_STATUSES)))


def list_unreadable_paths(session: Session, storage: Storage) -> list[ShownPath]:
    """Return folders and files that cannot be read, with the reason."""
    folders = session.scalars(
        select(Folder).where(Folder.storage_id == storage.id, Folder.error.is_not(None)).limit(MAX_SHOWN_PATHS)
    ).all()
    paths = read_folder_paths(session, [one.id for one in folders])
    shown = [ShownPath(display_path(paths[one.id]) or ".", "FAILED", 0, one.error) for one in folders]
    return shown + _show_files(session, _select_files(storage).where(File.error.is_not(None)))


def _select_files(storage: Storage) -> Select[File]:
    on_storage = and_(Folder.id == File.folder_id, Folder.storage_id == storage.id)
    return select(File).join(Folder, on_storage).limit(MAX_SHOWN_PATHS)


def _show_files(session: Session, query: Select[File]) -> list[ShownPath]:
    files = session.scalars(query).all()
    folders = read_folder_paths(session, {file.folder_id for file in files})
    shown = [
        ShownPath(display_path(join_path(folders[file.folder_id], file.name)), file.status, file.size, file.error)
        for file in files
    ]
    return sorted(shown, key=lambda one: one.path)


def preview_ignore_patterns(session: Session, storage: Storage, patterns: Sequence[str], hidden: str) -> IgnorePreview:
    """Return the files of the catalog that other ignore patterns would hide; nothing is written and no disk is read.

    Files that the present patterns hide are in no row: the next scan finds those that the others let through.
    """
    ignore = IgnorePatterns(patterns, hidden)
    folders = read_folder_paths(session, [storage.id], "storage_id")
    hidden_folders = {key for key, path in folders.items() if path and ignore.path(path) is not None}
    query = (
        select(File.id, File.folder_id, File.name)
        .join(Folder, Folder.id == File.folder_id)
        .where(Folder.storage_id == storage.id, File.status.not_in(GONE_STATUSES))
        .limit(MAX_COMPARED_FILES)
        .execution_options(yield_per=10_000)
    )
    found: list[AnyRow] = []
    compared = 0
    for row in session.execute(query):
        compared += 1
        if row.folder_id in hidden_folders or _is_hidden(ignore, folders[row.folder_id], bytes(row.name)):
            found.append(row)
    paths = sorted(display_path(join_path(folders[row.folder_id], bytes(row.name))) for row in found)
    holders = (
        select(func.count(FileSet.asset_id.distinct()))
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .where(in_array(FileSetFile.file_id, [row.id for row in found]))
    )
    assets = session.scalar(holders) if found else 0
    return IgnorePreview(len(found), assets or 0, paths[:MAX_SHOWN_PATHS], compared == MAX_COMPARED_FILES)


def _is_hidden(ignore: IgnorePatterns, folder: bytes, name: bytes) -> bool:
    if ignore.name(name) is not None:
        return True
    return ignore.has_paths and ignore.path(join_path(folder, name)) is not None
