"""Pure comparison of a folder's listing with its rows, used for events and for scans alike."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from models.catalog.file import FileStatus
from watch.disk.listing import FileEntry

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


@dataclass(slots=True)
class FolderDifference:
    """Changes that make the rows of a folder equal to the disk."""

    unsettled: list[FileEntry] = field(default_factory=list)
    """New, changed, returned or unfinished files, to watch until they are stable."""
    cleared: list[uuid.UUID] = field(default_factory=list)
    """Suspected files that were found."""
    relinked: list[tuple[uuid.UUID, FileEntry]] = field(default_factory=list)
    """Files with the same content under another inode, as after a restore: only the row's inode is out of date."""
    vanished: list[KnownFile] = field(default_factory=list)
    """Rows without a file. They become suspected first, because one look is not enough."""


def is_up_to_date(entry: FileEntry, row: KnownFile) -> bool:
    """Return whether the row matches the disk; an empty file never does, because it still waits for content."""
    if not entry.same_content(row.size, row.mtime_ns):
        return False
    return row.status in SETTLED_STATUSES or (row.status is FileStatus.OPEN and entry.size == 0)


def compare_folder(entries: Iterable[FileEntry], rows: Iterable[KnownFile]) -> FolderDifference:
    """Compare the listing of a folder with its rows, by name."""
    difference = FolderDifference()
    on_disk = {entry.name: entry for entry in entries}
    for row in rows:
        entry = on_disk.pop(row.name, None)
        if entry is None:
            if row.status not in GONE_STATUSES and not row.suspected:
                difference.vanished.append(row)
            continue
        if row.suspected:
            difference.cleared.append(row.id)
        if not is_up_to_date(entry, row):
            difference.unsettled.append(entry)
        elif (entry.inode, entry.device) != (row.inode, row.device):
            difference.relinked.append((row.id, entry))
    difference.unsettled.extend(on_disk.values())
    return difference
