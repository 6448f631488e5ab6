"""Renames: the row that a file had under its earlier name, found by device, inode, size and mtime.

Several rows can fit: hard links have one inode, and a file system gives the inode of a deleted file to the next one. A
living row wins over a missing one, then the same name, then the row seen last. Where size and time could agree by
chance, the digests of both ends must agree too.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from models.core.paths import join_path
from watch.disk.listing import FileEntry, UnreadableFile, stat_file
from watch.rows.compare import GONE_STATUSES, KnownFile
from watch.rows.content_digests import ContentDigests
from watch.rows.folder_cache import FolderCache
from watch.rows.known_files import StableFile, rows_by_inode

FileIdentity = tuple[int, int, int, int]


def match_moves(
    session: Session,
    root: bytes,
    book: FolderCache,
    fresh: Sequence[StableFile],
    taken: Collection[object],
    digests: ContentDigests,
) -> list[tuple[StableFile, KnownFile]]:
    """Pair new names with the rows they had before; a second hard link is not a move.

    Args:
        taken: ids of rows whose file is in place.
    """
    if not fresh:
        return []
    earlier: dict[FileIdentity, list[KnownFile]] = {}
    for row in rows_by_inode(session, book.storage_id, [file.entry.inode for file in fresh]):
        if row.id not in taken:
            earlier.setdefault((row.device, row.inode, row.size, row.mtime_ns), []).append(row)
    pairs = [(file, row) for file in fresh for row in earlier.get(_identity_of(file.entry), ())]
    # Over all files, so that no file takes a row which is a better match for another one.
    pairs.sort(key=lambda pair: (pair[1].status in GONE_STATUSES, pair[1].name != pair[0].entry.name))
    moves: list[tuple[StableFile, KnownFile]] = []
    matched: set[object] = set()
    for file, row in pairs:
        if matched.isdisjoint((id(file), row.id)) and digests.may_be(file, row) and _has_left(root, book, row):
            matched |= {id(file), row.id}
            moves.append((file, row))
    return moves


def _identity_of(entry: FileEntry) -> FileIdentity:
    return entry.device, entry.inode, entry.size, entry.mtime_ns


def _has_left(root: bytes, book: FolderCache, row: KnownFile) -> bool:
    """Whether a row's file is certainly not at its path: nothing is, or another file."""
    there = stat_file(root, join_path(book.by_id(row.folder_id).path, row.name))
    return there is None or (not isinstance(there, UnreadableFile) and there.inode != row.inode)
