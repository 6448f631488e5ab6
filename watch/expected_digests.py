"""Expected digests: what a folder's digest is once the files of its listing that wait to be stable are published.

It is written after the last of them, so that the next walk reads no row of the folder; reading back and comparing each
row of a large arrival took as long as writing it. Whatever else happens to the folder ends the expectation, and the
next walk compares it.
"""

from collections import Counter
from collections.abc import Sequence

from watch.rows.folder_cache import KnownFolder


class ExpectedDigests:
    """Digests of the newest listings of folders, with how many of their files are not published yet."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, tuple[bytes, int]] = {}

    def expect(self, path: bytes, digest: bytes, count: int) -> None:
        """Expect `digest` of a folder after `count` files; all its other files are as their rows say."""
        self._waiting[path] = digest, count

    def drop(self, path: bytes) -> None:
        """Expect nothing of a folder: a file of it is not as it was listed."""
        self._waiting.pop(path, None)

    def complete(self, published: Sequence[KnownFolder]) -> list[KnownFolder]:
        """Count published files, given by their folders; set the digests of folders whose last file is one of them, and
        return these folders."""
        folders = {folder.path: folder for folder in published}
        done = []
        for path, number in Counter(folder.path for folder in published).items():
            if path not in self._waiting:
                continue
            digest, count = self._waiting[path]
            if count > number:
                self._waiting[path] = digest, count - number
            else:
                del self._waiting[path]
                folders[path].digest = digest
                done.append(folders[path])
        return done
