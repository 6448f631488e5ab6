"""Walking a tree folder by folder, in slices, so that a long walk never keeps a single finished file waiting."""

import os
from collections.abc import Iterable, Iterator

from models.paths import join_path
from watch.grouping import Ignore
from watch.listing import Listing, read_folder

SLICE_FOLDERS, SLICE_FILES = 500, 5_000

FolderListing = tuple[bytes, Listing]


def walk(
    root: bytes, starts: Iterable[bytes], ignore: Ignore, excluded: frozenset[bytes]
) -> Iterator[list[FolderListing]]:
    """Listings of all folders at and below `starts`, in slices of some folders and files.

    A folder that vanished is left out; one that cannot be read comes with its error.
    """
    waiting = list(starts)
    batch: list[FolderListing] = []
    files = 0
    while waiting:
        folder = waiting.pop()
        listing = read_folder(root, folder, ignore, excluded)
        if listing is None:
            continue
        waiting.extend(join_path(folder, name) for name in listing.folders)
        batch.append((folder, listing))
        files += len(listing.files)
        if len(batch) >= SLICE_FOLDERS or files >= SLICE_FILES:
            yield batch
            batch, files = [], 0
    yield batch


def arrival_of(root: bytes, folder: bytes) -> int:
    """When a folder was renamed into place (nanoseconds), or 0 where it rather was made there.

    A rename touches a folder's ctime alone, while each new entry moves mtime and ctime together. What lies in it with
    an older ctime came along with it, complete.
    """
    try:
        status = os.lstat(join_path(root, folder) if folder else root)
    except OSError:
        return 0
    return status.st_ctime_ns if status.st_ctime_ns > status.st_mtime_ns else 0
