"""File rows: load the known files of a folder; write files that became stable, grew or moved."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    LargeBinary,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from grouping import Profile, classify_path
from models.catalog.file import File, FileStatus, Folder
from models.core.base import new_id
from models.core.bulk import copy_rows, in_array
from models.core.paths import join_path
from models.core.statements import AnySelect
from models.core.tracing import keep_trace_sql
from models.queues.island import Island
from watch.disk.listing import FileEntry, stat_file
from watch.rows.compare import GONE_STATUSES, KnownFile, is_up_to_date
from watch.rows.content_digests import ContentDigests, load_digests
from watch.rows.copies import match_copies
from watch.rows.cross_storage_moves import match_cross_storage_moves
from watch.rows.folder_cache import FolderCache, KnownFolder

FILE_STREAM_ROWS = 2_000
NO_CONTENT_DIGESTS = ContentDigests()
"""Shared empty value; never filled."""
FILE_WRITE_COLUMNS = (
    "id",
    "folder_id",
    "name",
    "size",
    "mtime_ns",
    "device",
    "inode",
    "status",
    "seen",
    "content_seen",
    "media_class",
    "bucket",
    "frame",
    "width",
    "padded",
)

MARK_CHANGED_ISLANDS = text(f"""
    UPDATE island SET seen = seen + 1, arrived = arrived + t.changes, dirty_since = coalesce(dirty_since, now()),
        touched_at = clock_timestamp(), {keep_trace_sql("island")}
    FROM unnest(CAST(:ids AS bigint[]), CAST(:changes AS bigint[])) AS t (id, changes)
    WHERE island.id = t.id
    RETURNING island.id, island.seen
""")

UPDATE_FILE = (
    update(File.__table__)
    .where(File.id == bindparam("new_id"))
    .values(
        {column: bindparam(f"new_{column}") for column in FILE_WRITE_COLUMNS if column != "id"}
        | {"suspected_at": None, "date_modified": func.now()}
        | {
            "digest": case(
                (and_(File.size == bindparam("new_size"), File.mtime_ns == bindparam("new_mtime_ns")), File.digest)
            )
        }
    )
)

# In id order, so that watchers and workers that change several islands do not deadlock.
LOCK_DIRTY_ISLANDS = text("SELECT id FROM island WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")


@dataclass(frozen=True, slots=True)
class StableFile:
    """Stable file with its folder."""

    folder: KnownFolder
    entry: FileEntry


def select_known_columns(statement: AnySelect) -> AnySelect:
    """Make a statement on `file` select the fields of `KnownFile`, in their order."""
    return statement.with_only_columns(
        File.id,
        File.folder_id,
        File.name,
        File.size,
        File.mtime_ns,
        File.inode,
        File.device,
        File.status,
        File.suspected_at.is_not(None),
        File.content_seen,
    )


def rows_of_folders(session: Session, folder_ids: Sequence[int]) -> Iterator[KnownFile]:
    """Stream the rows of whole folders, ordered by folder, without holding a folder of 200,000 files in memory."""
    statement = select_known_columns(select(File)).where(in_array(File.folder_id, folder_ids)).order_by(File.folder_id)
    for row in session.execute(statement.execution_options(yield_per=FILE_STREAM_ROWS)):
        yield KnownFile(*row)


def rows_by_name(session: Session, names: Sequence[tuple[int, bytes]]) -> dict[tuple[int, bytes], KnownFile]:
    """Load the rows of single files, by (folder id, name)."""
    if not names:
        return {}
    folders, wanted = zip(*names, strict=True)
    asked = func.unnest(literal(list(folders), ARRAY(BigInteger)), literal(list(wanted), ARRAY(LargeBinary)))
    pairs = asked.table_valued("folder_id", "name").render_derived()
    statement = select_known_columns(select(File)).join(
        pairs, and_(File.folder_id == pairs.c.folder_id, File.name == pairs.c.name)
    )
    return {(row.folder_id, row.name): row for row in (KnownFile(*row) for row in session.execute(statement).all())}


def rows_by_inode(session: Session, storage_id: uuid.UUID, inodes: Sequence[int]) -> list[KnownFile]:
    """Load rows that may be earlier names of files with these inodes."""
    statement = (
        select_known_columns(select(File))
        .join(Folder)
        .where(in_array(File.inode, inodes), Folder.storage_id == storage_id, File.status != FileStatus.DELETED)
        .order_by(File.id)
    )
    return [KnownFile(*row) for row in session.execute(statement)]


def mark_dirty(session: Session, changes: Counter[int]) -> dict[int, int]:
    """Increment the version of islands in id order, before rows that carry it are written; return it by island id."""
    ids = sorted(changes)
    session.execute(LOCK_DIRTY_ISLANDS, {"ids": ids})
    rows = session.execute(MARK_CHANGED_ISLANDS, {"ids": ids, "changes": [changes[island] for island in ids]})
    return {row.id: row.seen for row in rows}


def publish_stable_files(
    session: Session,
    root: bytes,
    book: FolderCache,
    files: Sequence[StableFile],
    profile: Profile,
    match_other_storages: bool = False,
    digests: ContentDigests = NO_CONTENT_DIGESTS,
) -> int:
    """Write files that became stable and mark their islands dirty; return the number of changed rows.

    A new name is first matched by (device, inode, size, mtime) with rows whose own path is gone: a move, where the file
    keeps its row and its asset. Remaining names are matched by (name, size, mtime) with rows of gone files: a copy or
    a restore, also from other storages with `match_other_storages`. `digests` distinguish files that are equal in
    name, size and mtime.
    """
    known = _earlier_rows(session, files)
    fresh = [file for file in files if (file.folder.id, file.entry.name) not in known]
    moved = match_moves(session, root, book, fresh, {row.id for row in known.values()}, digests)
    moved += match_copies(session, root, book, _without(fresh, moved), [row for _, row in moved], digests)
    if match_other_storages:
        moved += match_cross_storage_moves(session, book, _without(fresh, moved), digests)
    changed = [
        (file, row)
        for file in files
        if (row := known.get((file.folder.id, file.entry.name)))
        and (not is_up_to_date(file.entry, row) or row.suspected)
    ] + moved
    new = _without(fresh, moved)
    touched = Counter(file.folder.require_island() for file in new)
    for file, row in changed:
        touched.update({file.folder.require_island(), book.by_id(row.folder_id).require_island()})
    if touched:
        seen = mark_dirty(session, touched)
        _invalidate_summaries(session, book, moved, profile)
        _insert_files(session, new, seen, profile)
        _update_files(session, book, changed, seen, profile)
    digests.write(session)
    return len(new) + len(changed)


def _without(files: Sequence[StableFile], moved: Sequence[tuple[StableFile, KnownFile]]) -> list[StableFile]:
    """Return the files that were not moved."""
    moved_files = {id(file) for file, _ in moved}
    return [file for file in files if id(file) not in moved_files]


def _earlier_rows(session: Session, files: Sequence[StableFile]) -> dict[tuple[int, bytes], KnownFile]:
    """Load the existing rows of files by (folder id, name), and clear the `is_new` flag of their folders."""
    asked = [(file.folder.id, file.entry.name) for file in files if not file.folder.is_new]
    for file in files:
        file.folder.is_new = False
    return rows_by_name(session, asked)


def match_moves(
    session: Session,
    root: bytes,
    book: FolderCache,
    fresh: Sequence[StableFile],
    taken: Collection[uuid.UUID],
    digests: ContentDigests = NO_CONTENT_DIGESTS,
) -> list[tuple[StableFile, KnownFile]]:
    """Pair new names with the rows they had before; a second hard link is not a move.

    `taken` are rows that another file of the batch has by its name. File systems reuse inodes, so known digests must
    agree: a copy can get the inode, size and mtime of a file deleted just before.
    """
    if not fresh:
        return []
    earlier: dict[tuple[int, int, int, int], list[KnownFile]] = {}
    for row in rows_by_inode(session, book.storage_id, [file.entry.inode for file in fresh]):
        if row.id not in taken:
            earlier.setdefault((row.device, row.inode, row.size, row.mtime_ns), []).append(row)
    kept = load_digests(session, [row.id for rows in earlier.values() for row in rows]) if digests.of_files else {}
    moves = []
    for file in fresh:
        entry, digest = file.entry, digests.of(file)
        candidates = earlier.get((entry.device, entry.inode, entry.size, entry.mtime_ns), [])
        for row in candidates:
            if digest is not None and kept.get(row.id, digest) != digest:
                continue
            there = stat_file(root, join_path(book.by_id(row.folder_id).path, row.name))
            if there is None or there.inode != row.inode:
                candidates.remove(row)
                moves.append((file, row))
                break
    return moves


def _invalidate_summaries(
    session: Session, book: FolderCache, moved: Sequence[tuple[StableFile, KnownFile]], profile: Profile
) -> None:
    """Mark islands that lost frames for a rebuild of their summaries: the moved row no longer holds its old place."""
    left = set()
    for _, row in moved:
        folder = book.by_id(row.folder_id)
        if classify_path(join_path(folder.path, row.name), profile).bucket is not None:
            left.add(folder.require_island())
    if left:
        session.execute(update(Island).where(in_array(Island.id, sorted(left))).values(stale_summaries=True))


def _insert_files(session: Session, files: Sequence[StableFile], seen: dict[int, int], profile: Profile) -> None:
    rows = (_file_row(file, seen[file.folder.require_island()], profile) for file in files)
    copy_rows(session, File, FILE_WRITE_COLUMNS, rows)


def _file_row(
    file: StableFile,
    seen: int,
    profile: Profile,
    row: KnownFile | None = None,
    status: FileStatus | None = None,
    content_seen: int | None = None,
) -> tuple[Any, ...]:
    """Build the values of `FILE_WRITE_COLUMNS`; `row` is the earlier state, `content_seen` applies if unchanged."""
    entry, described = file.entry, classify_path(join_path(file.folder.path, file.entry.name), profile)
    status = status or (FileStatus.CLOSED if entry.size else FileStatus.OPEN)
    is_unchanged = (
        row is not None
        and row.status not in (FileStatus.GROWING, FileStatus.OPEN)
        and entry.same_content(row.size, row.mtime_ns)
    )
    return (
        row.id if row else new_id(),
        file.folder.id,
        entry.name,
        entry.size,
        entry.mtime_ns,
        entry.device,
        entry.inode,
        status.value,
        seen,
        content_seen if is_unchanged else seen,
        described.media_class,
        described.bucket,
        described.frame,
        described.width,
        described.padded,
    )


def _update_files(
    session: Session,
    book: FolderCache,
    changed: Sequence[tuple[StableFile, KnownFile]],
    seen: dict[int, int],
    profile: Profile,
) -> None:
    if not changed:
        return
    values = []
    for file, row in changed:
        status = FileStatus.REDISCOVERED if row.status in GONE_STATUSES and file.entry.size else None
        # `content_seen` is a version of the old island; unchanged content is not new to the island that receives it.
        is_at_home = book.by_id(row.folder_id).island_id == file.folder.island_id
        content_seen = row.content_seen if is_at_home else 0
        written = _file_row(file, seen[file.folder.require_island()], profile, row, status, content_seen)
        values.append({f"new_{column}": value for column, value in zip(FILE_WRITE_COLUMNS, written, strict=True)})
    session.connection().execute(UPDATE_FILE, values)


def mark_growing(session: Session, growing: Sequence[StableFile], profile: Profile) -> None:
    """Record files that are growing; a published one marks its island dirty, so that its file set shows it.

    A missing file stays missing until it is stable again, and is reported as rediscovered then.
    """
    known = _earlier_rows(session, growing)
    growing = [
        file
        for file in growing
        if (row := known.get((file.folder.id, file.entry.name))) is None or row.status not in GONE_STATUSES
    ]
    published = Counter(
        file.folder.require_island()
        for file in growing
        if (row := known.get((file.folder.id, file.entry.name))) and row.status is not FileStatus.GROWING
    )
    if published:
        mark_dirty(session, published)
    copy_rows(
        session,
        File,
        FILE_WRITE_COLUMNS,
        (
            _file_row(file, 0, profile, status=FileStatus.GROWING)
            for file in growing
            if (file.folder.id, file.entry.name) not in known
        ),
    )
    updates = [
        {
            "id": row.id,
            "size": file.entry.size,
            "mtime_ns": file.entry.mtime_ns,
            "status": FileStatus.GROWING,
            "digest": None,
        }
        for file in growing
        if (row := known.get((file.folder.id, file.entry.name)))
    ]
    if updates:
        session.execute(update(File), updates)


def update_inodes(session: Session, files: Iterable[tuple[uuid.UUID, FileEntry]]) -> None:
    """Store the new inodes of files with unchanged content."""
    rows = [{"id": file_id, "inode": entry.inode, "device": entry.device} for file_id, entry in files]
    if rows:
        session.execute(update(File), rows)
