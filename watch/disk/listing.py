"""Folder listings and tree walks as plain values; symlinks are not followed, devices and FIFOs are never opened.

Only two errors say that a file is not there. Every other one (no permission, a server that does not answer, a disk that
cannot be read) leaves that open: such a file is `UnreadableFile`, is kept and is looked at again.
"""

import errno
import hashlib
import marshal
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from grouping import IgnorePatterns
from models.core.bigint import clamp_bigint, to_signed_bigint
from models.core.paths import display_path, join_path

ABSENCE_ERRNOS = frozenset({errno.ENOENT, errno.ENOTDIR})
FOLDER_ERRNOS = frozenset({errno.EACCES, errno.EPERM})
"""Errors of `lstat` that concern the folder, which may not be searched, and so all files in it."""


MAX_SLICE_FOLDERS, MAX_SLICE_FILES = 500, 5_000


class FileEntry(NamedTuple):
    """Regular file as `lstat` reports it; a tuple, because 200,000 of them can be in memory at once."""

    name: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    def same_content(self, size: int, mtime_ns: int) -> bool:
        """Return whether size and mtime still have these values."""
        return self.size == size and self.mtime_ns == mtime_ns


class UnreadableFile(NamedTuple):
    """Name of which nothing is known but that it cannot be looked at, with the reason."""

    name: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Regular files and subfolders of a folder, or the error that prevented reading it."""

    files: list[FileEntry]
    folders: list[bytes]
    error: str | None = None
    unreadable: Sequence[UnreadableFile] = ()
    """Names in a readable folder that cannot be looked at."""


def is_absence(error: OSError) -> bool:
    """Whether an error says for certain that nothing is at the path."""
    return error.errno in ABSENCE_ERRNOS


def error_text(error: OSError) -> str:
    """Return the reason why something cannot be read, without its path."""
    return error.strerror or str(error)


def file_entry_of(name: bytes, status: os.stat_result) -> FileEntry:
    """Return the values of `status` that identify a state of a file."""
    return FileEntry(
        name,
        clamp_bigint(status.st_size),
        clamp_bigint(status.st_mtime_ns),
        clamp_bigint(status.st_ctime_ns),
        to_signed_bigint(status.st_ino),
        to_signed_bigint(status.st_dev),
    )


def list_folder(
    root: bytes, folder: bytes, ignore: IgnorePatterns, excluded: frozenset[bytes] = frozenset()
) -> Listing | None:
    """List `folder` below `root`, or return None if it is gone; entries that vanish meanwhile are left out.

    `excluded` holds absolute real paths (the data folder, proxy storages) that are never entered.
    """
    absolute = join_path(root, folder) if folder else root
    files: list[FileEntry] = []
    folders: list[bytes] = []
    unreadable: list[UnreadableFile] = []
    try:
        with os.scandir(absolute) as entries:
            for entry in entries:
                name = entry.name
                if ignore.name(name) is not None or (
                    ignore.has_paths and ignore.path(join_path(folder, name)) is not None
                ):
                    continue
                try:
                    if entry.is_file(follow_symlinks=False):
                        files.append(file_entry_of(name, entry.stat(follow_symlinks=False)))
                    elif entry.is_dir(follow_symlinks=False) and entry.path not in excluded:
                        folders.append(name)
                except OSError as error:
                    # Absent: removed between scandir and stat.
                    if error.errno in FOLDER_ERRNOS:
                        raise
                    if not is_absence(error):
                        unreadable.append(UnreadableFile(name, error_text(error)))
    except OSError as error:
        return None if is_absence(error) else Listing([], [], error_text(error))
    return Listing(files, folders, None, unreadable)


def stat_file(root: bytes, path: bytes) -> FileEntry | UnreadableFile | None:
    """Return the regular file at `path`, or None if there certainly is none."""
    name = path.rpartition(b"/")[2]
    try:
        status = os.lstat(join_path(root, path))
    except OSError as error:
        return None if is_absence(error) else UnreadableFile(name, error_text(error))
    return file_entry_of(name, status) if stat.S_ISREG(status.st_mode) else None


def digest_of_listing(files: list[FileEntry]) -> bytes:
    """Return the digest of a settled listing; with an equal digest, no row of the folder needs to be read.

    `marshal` (version 2 has no back references, so equal lists give equal bytes) costs a tenth of formatting text.
    """
    settled = sorted((entry.name, entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode) for entry in files)
    return hashlib.blake2b(marshal.dumps(settled, 2), digest_size=16).digest()


FolderListing = tuple[bytes, Listing]


def find_symlink(root: bytes, folder: bytes) -> bytes | None:
    """Return the first part of a path below `root` that is a symbolic link."""
    names = folder.split(b"/") if folder else []
    for count in range(1, len(names) + 1):
        if os.path.islink(join_path(root, b"/".join(names[:count]))):
            return b"/".join(names[:count])
    return None


def walk_tree(
    root: bytes, starts: Sequence[bytes], ignore: IgnorePatterns, excluded: frozenset[bytes]
) -> Iterator[list[FolderListing]]:
    """Yield listings of all folders at and below `starts`, in slices of limited size.

    Folders that vanish are left out; unreadable folders carry their error, like a start behind a symbolic link, which
    may lead out of the root.
    """
    # An explicit stack instead of recursion: trees may be deeper than Python's recursion limit.
    links = {start: link for start in starts if (link := find_symlink(root, start)) is not None}
    waiting = [start for start in starts if start not in links]
    batch: list[FolderListing] = [
        (start, Listing([], [], f'"{display_path(link)}" is a symbolic link; name the folder that it points to'))
        for start, link in links.items()
    ]
    files = 0
    while waiting:
        folder = waiting.pop()
        listing = list_folder(root, folder, ignore, excluded)
        if listing is None:
            continue
        waiting.extend(join_path(folder, name) for name in listing.folders)
        batch.append((folder, listing))
        files += len(listing.files)
        if len(batch) >= MAX_SLICE_FOLDERS or files >= MAX_SLICE_FILES:
            yield batch
            batch, files = [], 0
    yield batch


def rename_time_ns(root: bytes, folder: bytes) -> int:
    """Return when a folder was renamed into place (nanoseconds), or 0 if it was created there.

    A rename changes only a folder's ctime, while a new entry changes mtime and ctime together. Files in it with an
    older ctime were moved along with it, complete.
    """
    try:
        status = os.lstat(join_path(root, folder) if folder else root)
    except OSError:
        return 0
    return status.st_ctime_ns if status.st_ctime_ns > status.st_mtime_ns else 0
