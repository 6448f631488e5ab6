"""Buffer of places that kernel events point at. A hint names a path to check, never a state."""

import threading
from dataclasses import dataclass, field

from models.core.paths import base_name, parent_path


@dataclass(slots=True)
class Hints:
    """Places with events since the last check."""

    files: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Names by folder."""
    closed: set[bytes] = field(default_factory=set)
    """Paths that were closed or renamed into place."""
    trees: set[bytes] = field(default_factory=set)
    """Folders that appeared, vanished or moved; checked with everything below them."""
    everything: bool = False
    """Events were lost, so that only a full scan is reliable."""

    def __bool__(self) -> bool:
        return bool(self.files or self.trees or self.everything)


class HintBuffer:
    """Thread-safe buffer from the observer's thread to the watcher's; sets `wake` while it holds hints."""

    def __init__(self, wake: threading.Event) -> None:
        self._lock = threading.Lock()
        self._hints = Hints()
        self._wake = wake

    def file(self, path: bytes, closed: bool = False) -> None:
        """Record an event on the file at `path`; inside a tree that is checked anyway, only closes are recorded."""
        with self._lock:
            folder = parent_path(path)
            if folder not in self._hints.trees or closed:
                self._hints.files.setdefault(folder, set()).add(base_name(path))
            if closed:
                self._hints.closed.add(path)
        self._wake.set()

    def tree(self, path: bytes) -> None:
        """Record that a folder appeared, vanished or moved."""
        with self._lock:
            self._hints.trees.add(path)
        self._wake.set()

    def everything(self) -> None:
        """Record that events were lost."""
        with self._lock:
            self._hints.everything = True
        self._wake.set()

    def take(self) -> Hints:
        """Return all hints and empty the buffer."""
        with self._lock:
            hints, self._hints = self._hints, Hints()
        return hints
