"""File rows that the disk no longer confirms: suspected at the first look, missing after the second."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, func, text, update
from sqlalchemy.orm import Session

from models.catalog.file import File, FileStatus
from models.core.statements import in_array
from models.queues.island import mark_dirty
from watch.rows.folder_cache import FolderCache
from watch.rows.known_files import KnownFile

UNPUBLISHED_STATUSES = frozenset({FileStatus.OPEN, FileStatus.GROWING, FileStatus.AWAITED, FileStatus.FAILED})
"""Statuses of files never published, unless the file is in a file set: members can become empty or grow again."""

DELETE_UNGROUPED_FILES = text("""
    DELETE FROM file WHERE id = ANY(:ids)
        AND NOT EXISTS (SELECT FROM file_set_file AS member WHERE member.file_id = file.id)
    RETURNING id
""")


def mark_suspected(session: Session, files: Iterable[uuid.UUID]) -> None:
    """Record that files were not found once; they stay grouped until a second look."""
    session.execute(
        update(File).where(in_array(File.id, files), File.suspected_at.is_(None)).values(suspected_at=func.now())
    )


def clear_suspicion(session: Session, files: Iterable[uuid.UUID]) -> None:
    """Record that suspected files were found."""
    session.execute(update(File).where(in_array(File.id, files)).values(suspected_at=None))


def mark_missing(session: Session, book: FolderCache, files: Sequence[KnownFile]) -> None:
    """Mark files as missing after the second look, and their islands dirty, so that they are regrouped without them.

    Rows of files that were never published are deleted: an unfinished transfer under a temporary name is no loss.
    """
    seen = mark_dirty(session, Counter(book.by_id(file.folder_id).require_island() for file in files))
    forgotten = _delete_unpublished(session, [file.id for file in files if file.status in UNPUBLISHED_STATUSES])
    files = [file for file in files if file.id not in forgotten]
    if not files:
        return
    session.connection().execute(
        update(File.__table__)
        .where(File.id == bindparam("key"))
        .values(
            status=FileStatus.MISSING,
            suspected_at=None,
            error=None,
            seen=bindparam("seen_now"),
            date_modified=func.now(),
        ),
        [{"key": file.id, "seen_now": seen[book.by_id(file.folder_id).require_island()]} for file in files],
    )


def _delete_unpublished(session: Session, files: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Delete rows that are in no file set, and return their ids."""
    return set(session.scalars(DELETE_UNGROUPED_FILES, {"ids": list(files)})) if files else set()
