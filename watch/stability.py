"""When a file is finished: rules on values alone, and the small book of those that are not finished yet."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from watch.listing import Entry

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait on a storage. `trusts_ctime` is false on network file systems, whose times are another host's."""

    growing_seconds: float
    close_seconds: float
    trusts_ctime: bool = True


def settle_seconds(entry: Entry, now_ns: int, closed: bool, patience: Patience) -> float:
    """Seconds from now until `entry` is stable if nothing is written meanwhile.

    - A file is stable when size and mtime stood still for `growing_seconds`. Its ctime, which nobody can set, tells how
      long that is already, so that a start on an old archive waits for nothing.
    - A close or a rename into place (`closed`) shortens it to `close_seconds`. So does a ctime behind the mtime: the
      last thing that happened to the file was no write but a rename, a chmod or a copied time, as at the end of a copy.
    """
    if not patience.trusts_ctime:
        return min(patience.growing_seconds, patience.close_seconds) if closed else patience.growing_seconds
    stood_still = (now_ns - max(entry.mtime_ns, entry.ctime_ns)) / NANOSECONDS
    threshold = patience.growing_seconds
    if closed or entry.ctime_ns > entry.mtime_ns:
        threshold = min(threshold, patience.close_seconds)
    return min(threshold, max(0.0, threshold - stood_still))


class Sighting(NamedTuple):
    """When something was noticed first, by the monotonic clock, and by what; all files of one look share one."""

    at: float
    by: str


UNTOLD = Sighting(0.0, "")


class Unsettled(NamedTuple):
    """A file that is not stable yet: its last look, when the next one is due, whether it was seen to grow, its first
    look."""

    entry: Entry
    due: float
    grew: bool
    first: Sighting


class SettlingBook:
    """Files that wait to be stable, by folder. Times are a monotonic clock's seconds, given by the caller.

    - `watch` starts or restarts the wait of a file; the earlier of two due times stays where nothing was written, and
      the first sighting stays until it is published.
    - `due` hands out, folder by folder, what should be looked at again.
    - `forget` drops a file that vanished or became stable.
    """

    def __init__(self) -> None:
        self._folders: dict[bytes, dict[bytes, Unsettled]] = {}
        self._alarms: list[tuple[float, bytes]] = []
        self._next_alarm: dict[bytes, float] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def watch(self, folder: bytes, entry: Entry, due: float, grew: bool = False, sighting: Sighting = UNTOLD) -> None:
        """Look at `entry` again at `due`."""
        waiting = self._folders.setdefault(folder, {})
        known = waiting.get(entry.name)
        if known is None:
            self._count += 1
        else:
            sighting = known.first
            if known.entry.same_content(entry.size, entry.mtime_ns):
                due, grew = min(due, known.due), known.grew or grew
            else:
                grew = True
        waiting[entry.name] = Unsettled(entry, due, grew, sighting)
        self._set_alarm(folder, due)

    def get(self, folder: bytes, name: bytes) -> Unsettled | None:
        """What is known of a file that waits, or None."""
        return self._folders.get(folder, {}).get(name)

    def names(self, folder: bytes) -> list[bytes]:
        """The files of a folder that wait."""
        return list(self._folders.get(folder, ()))

    def inodes(self) -> set[int]:
        """Of all files that wait: a file that vanished elsewhere may be one of them under another name."""
        return {file.entry.inode for waiting in self._folders.values() for file in waiting.values()}

    def forget(self, folder: bytes, name: bytes) -> None:
        """Stop waiting for a file."""
        waiting = self._folders.get(folder)
        if waiting is not None and waiting.pop(name, None) is not None:
            self._count -= 1
            if not waiting:
                del self._folders[folder]

    def next_due(self) -> float | None:
        """When the next look is due, or None while nothing waits."""
        return self._alarms[0][0] if self._alarms else None

    def due(self, now: float) -> Iterator[tuple[bytes, list[Unsettled]]]:
        """Each folder with files that are due at `now`, with those files; the others of the folder keep waiting."""
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
