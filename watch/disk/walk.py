"""Tree walk in slices, so that a long walk does not delay a finished file."""

import os
from collections.abc import Iterable, Iterator

from grouping import IgnorePatterns
from models.core.paths import join_path
from watch.disk.listing import Listing, list_folder

MAX_SLICE_FOLDERS, MAX_SLICE_FILES = 500, 5_000

FolderListing = tuple[bytes, Listing]


def walk_tree(
    root: bytes, starts: Iterable[bytes], ignore: IgnorePatterns, excluded: frozenset[bytes]
) -> Iterator[list[FolderListing]]:
    """Yield listings of all folders at and below `starts`, in slices of limited size.

    Folders that vanish are left out; unreadable folders carry their error.
    """
    # An explicit stack instead of recursion: trees may be deeper than Python's recursion limit.
    waiting = list(starts)
    batch: list[FolderListing] = []
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
