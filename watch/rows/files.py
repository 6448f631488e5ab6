"""Writing file rows: files that became stable or grew, and the rows that follow a file to another name."""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, and_, bindparam, case, func, update
from sqlalchemy.orm import Session

from grouping import Profile, classify_path
from models.catalog.file import File, FileStatus
from models.core.base import new_id
from models.core.paths import join_path
from models.core.statements import copy_rows
from models.queues.island import mark_dirty
from watch.disk.listing import FileEntry
from watch.rows.blocking import stored_blocking_keys
from watch.rows.content_digests import ContentDigests
from watch.rows.folder_cache import FolderCache
from watch.rows.known_files import (
    GONE_STATUSES,
    SETTLED_STATUSES,
    KnownFile,
    KnownName,
    StableFile,
    is_touched,
    is_up_to_date,
    rows_by_name,
)
from watch.rows.matching import find_matched_storages, match_copies, match_cross_storage_moves, match_moves

NO_CONTENT_DIGESTS = ContentDigests()
"""Shared empty value; never filled."""
FILE_WRITE_COLUMNS = (
    "id",
    "folder_id",
    "name",
    "size",
    "mtime_ns",
    "ctime_ns",
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
    "blocking_keys",
)

IS_CLASSIFIED = and_(File.folder_id == bindparam("new_folder_id"), File.name == bindparam("new_name"), File.seen > 0)
"""A published row of this name: a regroup job alone classifies it again, because stored ranges must keep matching."""

UPDATE_FILE = (
    update(File.__table__)
    .where(File.id == bindparam("new_id"))
    .values(
        {column: bindparam(f"new_{column}") for column in FILE_WRITE_COLUMNS if column != "id"}
        | {
            column: case((IS_CLASSIFIED, File.__table__.c[column]), else_=bindparam(f"new_{column}"))
            for column in ("media_class", "bucket", "frame", "width", "padded")
        }
        | {"suspected_at": None, "error": None, "date_modified": func.now()}
        | {"digest": case((bindparam("keeps_digest", type_=Boolean), File.digest))}
    )
)


def publish_stable_files(
    session: Session,
    root: bytes,
    book: FolderCache,
    files: Sequence[StableFile],
    profile: Profile,
    match_other_storages: bool = False,
    digests: ContentDigests = NO_CONTENT_DIGESTS,
) -> set[int]:
    """Write files that became stable and mark their islands dirty; return the ids of folders that files moved out of.

    A new name is first matched by (device, inode, size, mtime) with rows whose own path is gone or has another file
    now: a move, where the file keeps its row and its asset. Remaining names are matched by (name, size, mtime) with
    rows of gone files: a copy or a restore, also from storages that were removed, and from all others with
    `match_other_storages`. `digests` distinguish files that are equal in name, size and mtime, and new content from
    changed attributes.
    """
    known = _earlier_rows(session, files)
    moved = _match_earlier_rows(session, root, book, files, known, digests)
    fresh = [file for file in files if file.place not in known]
    moved += match_copies(session, root, book, _without(fresh, moved), [row for _, row in moved], digests)
    elsewhere = find_matched_storages(session, book.storage_id, match_other_storages)
    if elsewhere:
        moved += match_cross_storage_moves(session, book, _without(fresh, moved), digests, elsewhere)
    in_place = [(file, row) for file in files if (row := known.get(file.place)) is not None]
    changed = [(file, row) for file, row in in_place if _is_changed(file, row, digests)]
    new = _without(fresh, moved)
    touched = Counter(file.folder.require_island() for file in new)
    for file, row in (*moved, *changed):
        touched.update({file.folder.require_island(), book.by_id(row.folder_id).require_island()})
    if touched:
        # A moved row no longer holds its old place: islands that lost files to other names are read whole.
        left = {book.by_id(row.folder_id).require_island() for _, row in moved}
        seen = mark_dirty(session, touched, left)
        # Moves first, in their order: a row leaves a name before the next row or a new file gets it.
        _update_files(session, book, [*moved, *changed], seen, profile, digests)
        _insert_files(session, new, seen, profile)
    changed_ids = {row.id for _, row in changed}
    # Of the others a chmod, a link or a restore changed attributes at most.
    update_identities(session, [(row.id, file.entry) for file, row in in_place if row.id not in changed_ids])
    digests.write(session)
    return {row.folder_id for _, row in moved}


def _without(files: Sequence[StableFile], moved: Sequence[tuple[StableFile, KnownFile]]) -> list[StableFile]:
    """Return the files that were not moved."""
    moved_files = {id(file) for file, _ in moved}
    return [file for file in files if id(file) not in moved_files]


def _earlier_rows(session: Session, files: Sequence[StableFile]) -> dict[KnownName, KnownFile]:
    """Load the existing rows of files by (folder id, name), and clear the `is_new` flag of their folders."""
    asked = [file.place for file in files if not file.folder.is_new]
    for file in files:
        file.folder.is_new = False
    return rows_by_name(session, asked)


def _match_earlier_rows(
    session: Session,
    root: bytes,
    book: FolderCache,
    files: Sequence[StableFile],
    known: dict[KnownName, KnownFile],
    digests: ContentDigests,
) -> list[tuple[StableFile, KnownFile]]:
    """Pair renamed files with their rows, and remove these rows from `known`, where another file has the old name now.

    After `mv roll.mov roll_old.mov` and a new `roll.mov`, the row follows its file; the new file gets a new row, or the
    row of another file that was renamed to this name (hence the loop).
    """
    moved: list[tuple[StableFile, KnownFile]] = []
    fresh = [file for file in files if file.place not in known]
    taken = {row.id for file in files if (row := known.get(file.place)) and row.is_file_of(file.entry)}
    while found := match_moves(session, root, book, fresh, taken, digests):
        moved += found
        taken |= {row.id for _, row in found}
        fresh = [file for file in files if (row := known.get(file.place)) and row.id in taken]
        fresh = [file for file in fresh if not known[file.place].is_file_of(file.entry)]
        for file in fresh:
            del known[file.place]
    return moved


def _is_changed(file: StableFile, row: KnownFile, digests: ContentDigests) -> bool:
    """Whether a file in place is to be grouped again; otherwise its attributes changed at most."""
    if row.status in SETTLED_STATUSES and not row.suspected and is_touched(file.entry, row):
        return digests.is_new_content(file, row)
    return row.suspected or not is_up_to_date(file.entry, row)


def update_identities(session: Session, files: Sequence[tuple[uuid.UUID, FileEntry]]) -> None:
    """Store inode, device and ctime of files with unchanged content."""
    rows = [
        {"id": file_id, "inode": entry.inode, "device": entry.device, "ctime_ns": entry.ctime_ns}
        for file_id, entry in files
    ]
    if rows:
        session.execute(update(File), rows)


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
    """Build the values of `FILE_WRITE_COLUMNS`; `content_seen` is given for unchanged content of the earlier `row`."""
    entry, path = file.entry, join_path(file.folder.path, file.entry.name)
    described = classify_path(path, profile)
    status = status or (FileStatus.CLOSED if entry.size else FileStatus.OPEN)
    return (
        row.id if row else new_id(),
        file.folder.id,
        entry.name,
        entry.size,
        entry.mtime_ns,
        entry.ctime_ns,
        entry.device,
        entry.inode,
        status.value,
        seen,
        seen if content_seen is None else content_seen,
        described.media_class,
        described.bucket,
        described.frame,
        described.width,
        described.padded,
        stored_blocking_keys(file.folder.id, path, described, profile),
    )


def _update_files(
    session: Session,
    book: FolderCache,
    changed: Sequence[tuple[StableFile, KnownFile]],
    seen: dict[int, int],
    profile: Profile,
    digests: ContentDigests,
) -> None:
    if not changed:
        return
    values = []
    for file, row in changed:
        status = FileStatus.REDISCOVERED if row.status in GONE_STATUSES and file.entry.size else None
        is_whole = row.status in SETTLED_STATUSES or row.status in GONE_STATUSES
        is_rewritten = not file.entry.same_content(row.size, row.mtime_ns) or digests.is_new_content(file, row)
        # `content_seen` is a version of the old island; unchanged content is not new to the island that receives it.
        is_at_home = book.by_id(row.folder_id).island_id == file.folder.island_id
        content_seen = (row.content_seen if is_at_home else 0) if is_whole and not is_rewritten else None
        written = _file_row(file, seen[file.folder.require_island()], profile, row, status, content_seen)
        columns = {f"new_{column}": value for column, value in zip(FILE_WRITE_COLUMNS, written, strict=True)}
        values.append(columns | {"keeps_digest": not is_rewritten})
    session.connection().execute(UPDATE_FILE, values)


def mark_growing(session: Session, growing: Sequence[StableFile], profile: Profile) -> None:
    """Record files that are growing; a published one marks its island dirty, so that its file set shows it.

    A missing file stays missing until it is stable again, and is reported as rediscovered then.
    """
    known = _earlier_rows(session, growing)
    growing = [file for file in growing if (row := known.get(file.place)) is None or row.status not in GONE_STATUSES]
    published = Counter(
        file.folder.require_island()
        for file in growing
        if (row := known.get(file.place)) and row.status is not FileStatus.GROWING
    )
    seen = mark_dirty(session, published) if published else {}
    copy_rows(
        session,
        File,
        FILE_WRITE_COLUMNS,
        (_file_row(file, 0, profile, status=FileStatus.GROWING) for file in growing if file.place not in known),
    )
    updates = [
        {
            "id": row.id,
            "size": file.entry.size,
            "mtime_ns": file.entry.mtime_ns,
            "status": FileStatus.GROWING,
            "digest": None,
            "error": None,
        }
        | ({"seen": seen[file.folder.require_island()]} if row.status is not FileStatus.GROWING else {})
        for file in growing
        if (row := known.get(file.place))
    ]
    if updates:
        session.execute(update(File), updates)
