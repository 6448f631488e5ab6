"""Pure comparison of a folder's listing with its rows, used for events and for scans alike."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from models.catalog.file import FileStatus
from watch.disk.listing import FileEntry, UnreadableFile

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
    """Unchanged files whose row has an outdated inode (file systems that number files anew at each mount) or no ctime
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
