"""Folder listing as plain values; symlinks are not followed, devices and FIFOs are never opened."""

import hashlib
import marshal
import os
import stat
from dataclasses import dataclass
from typing import NamedTuple

from grouping import IgnorePatterns
from models.core.paths import join_path

SIGNED_LIMIT, UNSIGNED_RANGE = 2**63, 2**64


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


@dataclass(frozen=True, slots=True)
class Listing:
    """Regular files and subfolders of a folder, or the error that prevented reading it."""

    files: list[FileEntry]
    folders: list[bytes]
    error: str | None = None


def to_signed_bigint(number: int) -> int:
    """Convert unsigned 64-bit inodes and devices to PostgreSQL's signed bigint: the upper half becomes negative."""
    return number - UNSIGNED_RANGE if number >= SIGNED_LIMIT else number


def file_entry_of(name: bytes, status: os.stat_result) -> FileEntry:
    """Return the values of `status` that identify a state of a file."""
    return FileEntry(
        name,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
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
                # Removed between scandir and stat.
                except FileNotFoundError:
                    continue
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Listing([], [], error.strerror or str(error))
    return Listing(files, folders)


def stat_file(root: bytes, path: bytes) -> FileEntry | None:
    """Return the regular file at `path`, or None if it does not exist."""
    try:
        status = os.lstat(join_path(root, path))
    except OSError:
        return None
    return file_entry_of(path.rpartition(b"/")[2], status) if stat.S_ISREG(status.st_mode) else None


def digest_of_listing(files: list[FileEntry]) -> bytes:
    """Return the digest of a settled listing; with an equal digest, no row of the folder needs to be read.

    `marshal` (version 2 has no back references, so equal lists give equal bytes) costs a tenth of formatting text.
    """
    settled = sorted((entry.name, entry.size, entry.mtime_ns, entry.inode) for entry in files)
    return hashlib.blake2b(marshal.dumps(settled, 2), digest_size=16).digest()
