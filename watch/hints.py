"""What the kernel's events point at, collected until the watcher looks: a hint is a place, never a fact."""

import threading
from dataclasses import dataclass, field

from models.paths import name_of, parent_of


@dataclass(slots=True)
class Hints:
    """Where something happened since the last look."""

    files: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Names by folder."""
    closed: set[bytes] = field(default_factory=set)
    """Paths that were closed or renamed into place."""
    trees: set[bytes] = field(default_factory=set)
    """Folders that came, went or moved: looked at with all below them."""
    everything: bool = False
    """Events were lost: only a scan tells."""

    def __bool__(self) -> bool:
        return bool(self.files or self.trees or self.everything)


class HintBox:
    """Filled by the observer's thread, emptied by the watcher's; `wake` is set while there is something to look at."""

    def __init__(self, wake: threading.Event) -> None:
        self._lock = threading.Lock()
        self._hints = Hints()
        self._wake = wake

    def file(self, path: bytes, closed: bool = False) -> None:
        """Something happened to the file at `path`; inside a tree that is looked at anyway, nothing more is noted."""
        with self._lock:
            folder = parent_of(path)
            if folder not in self._hints.trees or closed:
                self._hints.files.setdefault(folder, set()).add(name_of(path))
            if closed:
                self._hints.closed.add(path)
        self._wake.set()

    def tree(self, path: bytes) -> None:
        """A folder came, went or moved."""
        with self._lock:
            self._hints.trees.add(path)
        self._wake.set()

    def everything(self) -> None:
        """Events were lost."""
        with self._lock:
            self._hints.everything = True
        self._wake.set()

    def take(self) -> Hints:
        """All hints so far; the box is empty afterwards."""
        with self._lock:
            hints, self._hints = self._hints, Hints()
        return hints
