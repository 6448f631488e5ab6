"""Rows of files that the disk can contradict: read for whole folders, by name or by inode, and compared with a listing,
for events and scans alike."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, LargeBinary, and_, func, literal, select
from sqlalchemy.orm import Session

from models.catalog.file import File, FileStatus, Folder
from models.core.statements import AnySelect, in_array
from watch.disk.listing import FileEntry, UnreadableFile
from watch.rows.folder_cache import KnownFolder

FILE_STREAM_ROWS = 2_000
SETTLED_STATUSES = frozenset({FileStatus.CLOSED, FileStatus.REDISCOVERED})
GONE_STATUSES = frozenset({FileStatus.MISSING, FileStatus.DELETED})


class KnownFile(NamedTuple):
    """Columns of a file row that the disk can contradict."""

    id: uuid.UUID
    folder_id: int
    name: bytes
    size: int
    mtime_ns: int
    inode: int
    device: int
    status: FileStatus
    suspected: bool
    content_seen: int
    ctime_ns: int | None = None
    error: str | None = None
    digest: bytes | None = None

    def is_file_of(self, entry: FileEntry) -> bool:
        """Whether `entry` is the very file that the row describes, under any name."""
        return (entry.inode, entry.device) == (self.inode, self.device)


@dataclass(slots=True)
class FolderDifference:
    """Changes that make the rows of a folder equal to the disk."""

    unsettled: list[FileEntry] = field(default_factory=list)
    """New, changed, returned, unfinished or earlier unreadable files, to watch until they are stable."""
    cleared: list[uuid.UUID] = field(default_factory=list)
    """Suspected files that were found."""
    relinked: list[tuple[uuid.UUID, FileEntry]] = field(default_factory=list)
    """Unchanged files whose row has an outdated inode (file systems that renumber files at each mount) or no ctime
    yet."""
    vanished: list[KnownFile] = field(default_factory=list)
    """Rows without a file. They become suspected first, because one look is not enough."""
    unreadable: list[UnreadableFile] = field(default_factory=list)
    """Files that cannot be looked at, unless their rows say so; they stay as they are."""


def is_up_to_date(entry: FileEntry, row: KnownFile) -> bool:
    """Return whether the row matches the disk; an empty file never does, because it still waits for content.

    An equal ctime proves that nothing was written: no program can set it. Another one shows changed attributes, a link,
    a rename, or new content with the old size and mtime; which of them, is found when the file is stable.
    """
    if not entry.same_content(row.size, row.mtime_ns) or row.ctime_ns not in (None, entry.ctime_ns):
        return False
    return row.status in SETTLED_STATUSES or (row.status is FileStatus.OPEN and entry.size == 0)


def is_touched(entry: FileEntry, row: KnownFile) -> bool:
    """Return whether size and mtime are as recorded, and only inode or ctime could show new content."""
    was_whole = row.status in SETTLED_STATUSES or row.status in GONE_STATUSES
    is_same_state = row.is_file_of(entry) and row.ctime_ns in (None, entry.ctime_ns)
    return was_whole and entry.same_content(row.size, row.mtime_ns) and not is_same_state


def compare_folder(
    entries: Iterable[FileEntry], rows: Iterable[KnownFile], unreadable: Iterable[UnreadableFile] = ()
) -> FolderDifference:
    """Compare the listing of a folder with its rows, by name."""
    difference = FolderDifference()
    on_disk = {entry.name: entry for entry in entries}
    hidden = {file.name: file for file in unreadable}
    for row in rows:
        if (file := hidden.pop(row.name, None)) is not None:
            difference.unreadable += [file] if row.suspected or row.error != file.error else []
            continue
        entry = on_disk.pop(row.name, None)
        if entry is None:
            if row.status not in GONE_STATUSES and not row.suspected:
                difference.vanished.append(row)
            continue
        if row.suspected:
            difference.cleared.append(row.id)
        if row.error is not None or not is_up_to_date(entry, row):
            difference.unsettled.append(entry)
        elif not row.is_file_of(entry) or row.ctime_ns is None:
            difference.relinked.append((row.id, entry))
    difference.unsettled.extend(on_disk.values())
    difference.unreadable.extend(hidden.values())
    return difference


KnownName = tuple[int, bytes]
"""Folder id and name."""


@dataclass(frozen=True, slots=True)
class StableFile:
    """Stable file with its folder."""

    folder: KnownFolder
    entry: FileEntry

    @property
    def place(self) -> KnownName:
        """Folder id and name, by which its row is found."""
        return self.folder.id, self.entry.name


KNOWN_COLUMNS = (
    File.id,
    File.folder_id,
    File.name,
    File.size,
    File.mtime_ns,
    File.inode,
    File.device,
    File.status,
    File.suspected_at.is_not(None).label("suspected"),
    File.content_seen,
    File.ctime_ns,
    File.error,
    File.digest,
)
"""The fields of `KnownFile`, in their order."""


def load_known(session: Session, statement: AnySelect) -> list[KnownFile]:
    """Load the files that a statement on `file` selects."""
    return [KnownFile(*row) for row in session.execute(_select_known(statement))]


def rows_of_folders(session: Session, folder_ids: Sequence[int]) -> Iterator[KnownFile]:
    """Stream the rows of whole folders, ordered by folder, without holding a folder of 200,000 files in memory."""
    statement = _select_known(select(File).where(in_array(File.folder_id, folder_ids)).order_by(File.folder_id))
    for row in session.execute(statement.execution_options(yield_per=FILE_STREAM_ROWS)):
        yield KnownFile(*row)


def rows_by_name(session: Session, names: Sequence[KnownName]) -> dict[KnownName, KnownFile]:
    """Load the rows of single files, by (folder id, name)."""
    if not names:
        return {}
    folders, wanted = zip(*names, strict=True)
    asked = func.unnest(literal(list(folders), ARRAY(BigInteger)), literal(list(wanted), ARRAY(LargeBinary)))
    pairs = asked.table_valued("folder_id", "name").render_derived()
    statement = select(File).join(pairs, and_(File.folder_id == pairs.c.folder_id, File.name == pairs.c.name))
    return {(row.folder_id, row.name): row for row in load_known(session, statement)}


def rows_by_inode(session: Session, storage_id: uuid.UUID, inodes: Sequence[int]) -> list[KnownFile]:
    """Load rows that may be earlier names of files with these inodes, the latest seen first."""
    statement = (
        select(File)
        .join(Folder)
        .where(in_array(File.inode, inodes), Folder.storage_id == storage_id, File.status != FileStatus.DELETED)
        .order_by(File.date_modified.desc(), File.id)
    )
    return load_known(session, statement)


def _select_known(statement: AnySelect) -> AnySelect:
    return statement.with_only_columns(*KNOWN_COLUMNS)
