"""Settling: pure rules for when a file is stable, and the collection of files that are not yet."""

import heapq
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from watch.disk.listing import FileEntry

LEASES, THRESHOLD = "leases", "threshold"
"""How it is found out that a file is no longer written: leases and the threshold, or the threshold alone."""
NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SettlePolicy:
    """Settle times of a storage; `is_local` is false on network file systems, where other hosts write
    and set the times."""

    growing_seconds: float
    close_seconds: float
    is_local: bool = True

    @property
    def writer_check(self) -> str:
        """How it is found out that a file is no longer written."""
        return LEASES if self.is_local else THRESHOLD


def seconds_until_stable(entry: FileEntry, now_ns: int, closed: bool, settle_policy: SettlePolicy) -> float:
    """Return the seconds until `entry` is stable if nothing is written meanwhile.

    - A file is stable when its size and mtime have not changed for `growing_seconds`. Its ctime, which users cannot
      set, shows how long that is already, so that a start on an old archive does not wait.
    - A close or a rename into place (`closed`) shortens the time to `close_seconds`. So does a ctime after the mtime:
      the last change was then not a write but a rename, a chmod or a copied time, as at the end of a copy.
    """
    if not settle_policy.is_local:
        return (
            min(settle_policy.growing_seconds, settle_policy.close_seconds) if closed else settle_policy.growing_seconds
        )
    stood_still = (now_ns - max(entry.mtime_ns, entry.ctime_ns)) / NANOSECONDS_PER_SECOND
    threshold = settle_policy.growing_seconds
    if closed or entry.ctime_ns > entry.mtime_ns:
        threshold = min(threshold, settle_policy.close_seconds)
    return min(threshold, max(0.0, threshold - stood_still))


class Detection(NamedTuple):
    """Time of the first detection on the monotonic clock, and its source; files of one look share one value."""

    at: float
    by: str


NO_DETECTION = Detection(0.0, "")


class UnsettledFile(NamedTuple):
    """File that is not stable yet: last look, time of the next one, whether it was seen to grow, first detection."""

    entry: FileEntry
    due: float
    grew: bool
    first: Detection


class UnsettledFiles:
    """Files that wait to be stable, by folder. Times are seconds of a monotonic clock, passed by the caller.

    - `watch` starts or restarts the wait of a file; the earlier of two due times stays if nothing was written, and the
      first detection stays until the file is published.
    - `due` yields the files to check again, folder by folder.
    - `forget` removes a file that vanished or became stable.
    """

    def __init__(self) -> None:
        self._folders: dict[bytes, dict[bytes, UnsettledFile]] = {}
        self._alarms: list[tuple[float, bytes]] = []
        self._next_alarm: dict[bytes, float] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def watch(
        self, folder: bytes, entry: FileEntry, due: float, grew: bool = False, detection: Detection = NO_DETECTION
    ) -> None:
        """Check `entry` again at `due`."""
        waiting = self._folders.setdefault(folder, {})
        known = waiting.get(entry.name)
        if known is None:
            self._count += 1
        else:
            detection = known.first
            if known.entry.same_content(entry.size, entry.mtime_ns):
                due, grew = min(due, known.due), known.grew or grew
            else:
                grew = True
        waiting[entry.name] = UnsettledFile(entry, due, grew, detection)
        self._set_alarm(folder, due)

    def get(self, folder: bytes, name: bytes) -> UnsettledFile | None:
        """Return the state of a waiting file, or None."""
        return self._folders.get(folder, {}).get(name)

    def inodes(self) -> set[int]:
        """Return the inodes of all waiting files: a file that vanished elsewhere may wait under another name."""
        return {file.entry.inode for waiting in self._folders.values() for file in waiting.values()}

    def of_inodes(self, inodes: Collection[int]) -> list[tuple[bytes, FileEntry]]:
        """Return the waiting files with these inodes, each with its folder."""
        return [
            (folder, file.entry)
            for folder, waiting in self._folders.items()
            for file in waiting.values()
            if file.entry.inode in inodes
        ]

    def postpone(self, folder: bytes, name: bytes, due: float) -> None:
        """Check a waiting file again at `due`, not earlier."""
        waiting = self._folders.get(folder, {})
        if name in waiting:
            waiting[name] = waiting[name]._replace(due=due)
            self._set_alarm(folder, due)

    def forget(self, folder: bytes, name: bytes) -> None:
        """Stop waiting for a file."""
        waiting = self._folders.get(folder)
        if waiting is not None and waiting.pop(name, None) is not None:
            self._count -= 1
            if not waiting:
                del self._folders[folder]

    def next_due(self) -> float | None:
        """Return the time of the next check, or None if no file waits."""
        return self._alarms[0][0] if self._alarms else None

    def due(self, now: float) -> Iterator[tuple[bytes, list[UnsettledFile]]]:
        """Yield each folder with its files that are due at `now`; other files of the folder keep waiting."""
        while self._alarms and self._alarms[0][0] <= now:
            due, folder = heapq.heappop(self._alarms)
            if self._next_alarm.get(folder) != due:
                continue
            del self._next_alarm[folder]
            waiting = self._folders.get(folder, {})
            later = [file.due for file in waiting.values() if file.due > now]
            if later:
                self._set_alarm(folder, min(later))
            ready = [file for file in waiting.values() if file.due <= now]
            if ready:
                yield folder, ready

    def _set_alarm(self, folder: bytes, due: float) -> None:
        if due < self._next_alarm.get(folder, math.inf):
            self._next_alarm[folder] = due
            heapq.heappush(self._alarms, (due, folder))
