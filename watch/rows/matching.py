"""Renames, copies and restores: match a new file with the row that it had under another name or in another place.

A rename is found by device, inode, size and mtime. Several rows can fit: hard links have one inode, and a file system
gives the inode of a deleted file to the next one. A living row wins over a missing one, then the same name, then the
row seen last. Where size and time could agree by chance, the digests of both ends must agree too.

A copy or a restore has another inode. Its match uses name, size and mtime to the nanosecond, which copying tools
preserve. It requires that the row's own file is gone and that exactly one row and one new file fit. Ambiguous
candidates are not matched, unless a digest of their ends, taken while the earlier file existed, distinguishes them
(`watch.rows.content_digests`).

Between storages only rows with status MISSING qualify, if the setting allows it: their own watcher has looked twice and
the breaker has passed, so the other storage's disk is not read.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.catalog.file import FileStatus, Folder
from models.catalog.storage import Storage
from models.core.paths import join_path
from models.queues.island import mark_for_full_regroup
from watch.disk.listing import FileEntry, UnreadableFile, stat_file
from watch.rows.content_digests import ContentDigests, pair_alike_files
from watch.rows.folder_cache import FolderCache
from watch.rows.known_files import GONE_STATUSES, KNOWN_COLUMNS, KnownFile, StableFile, rows_by_inode

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


# Each condition uses a partial index of exactly such rows. Both ends of the range are required on a table without
# statistics: with one end the planner expects a third of all rows and reads the whole table.
SUSPECTED_CONDITION = "suspected_at > '-infinity' AND suspected_at < 'infinity'"
MISSING_CONDITION = "status = 'MISSING'"

# Checked first: sending and planning 5,000 names takes 40 ms, this query 1 ms.
HAS_GONE_FILES = text(f"""
    SELECT EXISTS (SELECT FROM file WHERE {SUSPECTED_CONDITION}) OR EXISTS (SELECT FROM file WHERE {MISSING_CONDITION})
""")

SELECT_GONE_FILES = text(f"""
    WITH gone AS (
        SELECT * FROM file WHERE {SUSPECTED_CONDITION} UNION SELECT * FROM file WHERE {MISSING_CONDITION}
    )
    SELECT gone.id, gone.folder_id, gone.name, gone.size, gone.mtime_ns, gone.inode, gone.device, gone.status,
        gone.suspected_at IS NOT NULL, gone.content_seen, gone.ctime_ns, gone.error, gone.digest
    FROM gone JOIN folder ON folder.id = gone.folder_id
    WHERE folder.storage_id = :storage AND gone.name = ANY(:names) ORDER BY gone.id
""").columns(*KNOWN_COLUMNS)

SELECT_MISSING_ELSEWHERE = text("""
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns, file.inode, file.device, file.status,
        file.suspected_at IS NOT NULL, file.content_seen, file.ctime_ns, file.error, file.digest, folder.island_id
    FROM file JOIN folder ON folder.id = file.folder_id
    WHERE file.status = 'MISSING' AND folder.storage_id = ANY(:storages) AND file.name = ANY(:names)
    ORDER BY file.id
""").columns(*KNOWN_COLUMNS, Folder.island_id)


def match_copies(
    session: Session,
    root: bytes,
    book: FolderCache,
    fresh: Sequence[StableFile],
    taken: Iterable[KnownFile],
    digests: ContentDigests,
) -> list[tuple[StableFile, KnownFile]]:
    """Pair new files with rows of gone files with the same name, size and mtime; rows in `taken` are excluded."""
    fresh = [file for file in fresh if file.entry.size]
    if not fresh or not session.scalar(HAS_GONE_FILES):
        return []
    used = {row.id for row in taken}
    asked = {"storage": book.storage_id, "names": list({file.entry.name for file in fresh})}
    gone = [row for row in (KnownFile(*row) for row in session.execute(SELECT_GONE_FILES, asked)) if row.id not in used]
    pairs: list[tuple[StableFile, KnownFile]] = []
    # A file that was there until now wins over one that has been missing, of which this may be an older copy.
    for is_missing in (False, True):
        rows = [row for row in gone if (row.status is FileStatus.MISSING) == is_missing]
        matched = {id(file) for file, _ in pairs}
        left = [file for file in fresh if id(file) not in matched]
        pairs += [(file, row) for file, row in pair_alike_files(left, rows, digests) if _is_gone(root, book, row)]
    return pairs


def find_matched_storages(session: Session, storage_id: uuid.UUID, match_others: bool) -> list[uuid.UUID]:
    """Return the storages whose missing files may have come to this one: removed ones, and others if asked for."""
    others = select(Storage.id).where(Storage.id != storage_id)
    return list(session.scalars(others if match_others else others.where(Storage.removed_at.is_not(None))))


def match_cross_storage_moves(
    session: Session,
    book: FolderCache,
    fresh: Sequence[StableFile],
    digests: ContentDigests,
    storages: Sequence[uuid.UUID],
) -> list[tuple[StableFile, KnownFile]]:
    """Pair new files with rows that are missing on these storages, and mark the islands that lose those rows dirty.

    Returns each row as if it were missing in the folder of the new file, where it belongs from now on.
    """
    fresh = [file for file in fresh if file.entry.size]
    if not fresh:
        return []
    names = list({file.entry.name for file in fresh})
    rows = session.execute(SELECT_MISSING_ELSEWHERE, {"storages": list(storages), "names": names}).all()
    island_of = {row.id: row.island_id for row in rows}
    pairs = pair_alike_files(fresh, [KnownFile(*row[:-1]) for row in rows], digests)
    if pairs:
        mark_for_full_regroup(session, {island_of[row.id] for _, row in pairs})
    # `content_seen` is a version of the old island; unchanged content is not new to the island that receives it.
    return [(file, row._replace(folder_id=file.folder.id, content_seen=0)) for file, row in pairs]


def _is_gone(root: bytes, book: FolderCache, row: KnownFile) -> bool:
    return stat_file(root, join_path(book.by_id(row.folder_id).path, row.name)) is None
