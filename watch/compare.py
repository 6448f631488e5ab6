"""What differs between a folder's listing and its rows: a pure function, the same for an event and for a scan."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from models.file import FileStatus
from watch.listing import Entry

SETTLED = frozenset({FileStatus.CLOSED, FileStatus.REDISCOVERED})
GONE = frozenset({FileStatus.MISSING, FileStatus.DELETED})


class KnownFile(NamedTuple):
    """A file row, as far as the disk can contradict it."""

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
class Difference:
    """What to do so that the rows say what the disk says."""

    unsettled: list[Entry] = field(default_factory=list)
    """New, changed, returned or unfinished: to be watched until stable."""
    cleared: list[uuid.UUID] = field(default_factory=list)
    """Suspected, but there."""
    relinked: list[tuple[uuid.UUID, Entry]] = field(default_factory=list)
    """Same content under another inode, as after a restore: only the row's inode is out of date."""
    vanished: list[KnownFile] = field(default_factory=list)
    """Rows without a file: suspected first, because one look is not enough."""


def is_finished(entry: Entry, row: KnownFile) -> bool:
    """Whether the row already says all that the disk says; an empty file is never finished, only waiting."""
    if not entry.same_content(row.size, row.mtime_ns):
        return False
    return row.status in SETTLED or (row.status is FileStatus.OPEN and entry.size == 0)


def compare(entries: Iterable[Entry], rows: Iterable[KnownFile]) -> Difference:
    """Compare what is on disk with what is known; each name is looked at once."""
    difference = Difference()
    on_disk = {entry.name: entry for entry in entries}
    for row in rows:
        entry = on_disk.pop(row.name, None)
        if entry is None:
            if row.status not in GONE and not row.suspected:
                difference.vanished.append(row)
            continue
        if row.suspected:
            difference.cleared.append(row.id)
        if not is_finished(entry, row):
            difference.unsettled.append(entry)
        elif (entry.inode, entry.device) != (row.inode, row.device):
            difference.relinked.append((row.id, entry))
    difference.unsettled.extend(on_disk.values())
    return difference
