"""Safe opening of files on a storage: only below its root, without following links, regular files only.

A path in a row may be outdated when it is read. By then it could be a link out of the storage, or a FIFO that blocks
its reader for ever. Therefore each part of the path is opened separately and the result is checked once open. The
reader receives the descriptor: no path is resolved a second time.
"""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Self

from models.core.bigint import clamp_bigint
from models.core.capabilities import right_to_read
from models.core.mounts import resolve_mount
from models.core.paths import base_name, display_path

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
MAX_OPEN_FOLDERS = 200
"""A process may have 1,024 open files by default."""


CLOSED_ERRNOS = frozenset({errno.EACCES, errno.EPERM})
"""Errors that last until permissions change, which the watcher notices."""


class SourceChangedError(Exception):
    """The file differs from its row, is missing, or its storage does not answer: it has to be tried again.

    The watcher finds out which, and causes new work.
    """


class SourceClosedError(SourceChangedError):
    """This process has no permission to read the file."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as described by its row."""

    root: bytes
    path: bytes
    """Path below the root."""
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """Last part of the path, for messages."""
        return display_path(base_name(self.path))


class OpenFolders:
    """Cache of open folders, for many files in the same folders."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, bytes], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def open_source(self, source: SourceFile) -> int:
        """Open a file for reading.

        Raises:
            SourceChangedError: it differs from its row, is missing, or cannot be opened.
        """
        folder, _, name = source.path.rpartition(b"/")
        if len(self._open) > MAX_OPEN_FOLDERS:
            self._close()
        try:
            with right_to_read():
                descriptor = os.open(name, FILE_FLAGS, dir_fd=self._folder(source.root, folder))
        except OSError as error:
            kind = SourceClosedError if error.errno in CLOSED_ERRNOS else SourceChangedError
            raise kind(f"{source.name} cannot be opened: {error.strerror}") from None
        try:
            require_unchanged(source, descriptor)
        except SourceChangedError:
            os.close(descriptor)
            raise
        return descriptor

    def _folder(self, root: bytes, path: bytes) -> int:
        if (root, path) not in self._open:
            if path:
                above, _, name = path.rpartition(b"/")
                self._open[root, path] = os.open(name, FOLDER_FLAGS, dir_fd=self._folder(root, above))
            else:
                self._open[root, path] = os.open(resolve_mount(root), FOLDER_FLAGS)
        return self._open[root, path]

    def _close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


def open_source_file(source: SourceFile) -> int:
    """Open one file for reading and return its descriptor. SourceChangedError if it differs from its row."""
    with OpenFolders() as folders:
        return folders.open_source(source)


def require_unchanged(source: SourceFile, descriptor: int) -> None:
    """Raise SourceChangedError if an open file does not match its row, or no longer does."""
    now = os.fstat(descriptor)
    if not stat.S_ISREG(now.st_mode):
        raise SourceChangedError(f"{source.name} is no regular file any more")
    if (clamp_bigint(now.st_size), clamp_bigint(now.st_mtime_ns)) != (source.size, source.mtime_ns):
        raise SourceChangedError(f"{source.name} changed while it was read")
