"""Opening what a storage holds, and nothing else: below its root, no link on the way, regular files alone.

A path in a row may be old by the time that it is read. What stands there now could be a link out of the storage, or a
FIFO that keeps its reader for ever, so each part of the way is opened by itself and the end is looked at once it is
open. The descriptor is then handed to whoever reads: no path is ever resolved a second time.
"""

import os
import stat
from dataclasses import dataclass
from typing import Self

from models.mounts import here
from models.paths import display_text, name_of

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
MOST_FOLDERS = 200
"""A process may have 1,024 files open where nobody allowed it more."""


class ChangedError(Exception):
    """The disk says something else than the row; the watcher will notice, and then there is new work."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as its row describes it."""

    root: bytes
    path: bytes
    """Below the root."""
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """Its last part, for people."""
        return display_text(name_of(self.path))


class OpenFolders:
    """Folders of storages, opened once for many files in them."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, bytes], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def open_source(self, source: Source) -> int:
        """The file, open for reading. ChangedError where it is not what its row says, or not there."""
        folder, _, name = source.path.rpartition(b"/")
        if len(self._open) > MOST_FOLDERS:
            self._close()
        try:
            descriptor = os.open(name, FILE_FLAGS, dir_fd=self._folder(source.root, folder))
        except OSError as error:
            raise ChangedError(f"{source.name} cannot be opened: {error.strerror}") from None
        try:
            refuse_changed(source, descriptor)
        except ChangedError:
            os.close(descriptor)
            raise
        return descriptor

    def _folder(self, root: bytes, path: bytes) -> int:
        if (root, path) not in self._open:
            if path:
                above, _, name = path.rpartition(b"/")
                self._open[root, path] = os.open(name, FOLDER_FLAGS, dir_fd=self._folder(root, above))
            else:
                self._open[root, path] = os.open(here(root), FOLDER_FLAGS)
        return self._open[root, path]

    def _close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


def refuse_changed(source: Source, descriptor: int) -> None:
    """Refuse an open file that is not, or no longer, what its row says."""
    now = os.fstat(descriptor)
    if not stat.S_ISREG(now.st_mode):
        raise ChangedError(f"{source.name} is no regular file any more")
    if (now.st_size, now.st_mtime_ns) != (source.size, source.mtime_ns):
        raise ChangedError(f"{source.name} changed while it was read")
