"""Sums of the sources of a rendition: hashed from our own descriptors, in file order, while the encoder reads them.

The encoder is confined and its word counts for nothing here. Reading along with it costs the disk nothing, since both
read the same pages; a file that the encoder reads in part is read to its end.
"""

import os
from collections.abc import Sequence

import xxhash

from media.sandbox.safe_open import SourceFile

HASH_READ_BYTES = 4 << 20
READ_AHEAD_BYTES = 32 << 20
"""How far hashing may be ahead of the encoder, whose position is an estimate."""


class SourceHashing:
    """Sums of files that are read whole."""

    def __init__(self) -> None:
        self.digests: dict[SourceFile, str] = {}
        """Of the files that were read to their end."""
        self._place = 0
        self._offset = 0
        self._passed = 0
        self._hasher = xxhash.xxh3_128()

    def advance(self, opened: Sequence[tuple[SourceFile, int]], done: int, total: int) -> None:
        """Hash these files, one after the other, up to a share of all their bytes."""
        files = list(dict(opened).items())
        size = sum(source.size for source, _ in files)
        limit = size if done >= total else min(size, size * done // max(total, 1) + READ_AHEAD_BYTES)
        while self._place < len(files) and (self._passed < limit or done >= total):
            source, descriptor = files[self._place]
            piece = os.pread(descriptor, HASH_READ_BYTES, self._offset)
            if piece:
                self._hasher.update(piece)
                self._offset += len(piece)
                self._passed += len(piece)
            else:
                if self._offset == source.size:
                    self.digests[source] = self._hasher.hexdigest()
                self._place, self._offset, self._hasher = self._place + 1, 0, xxhash.xxh3_128()

    def hash_whole(self, source: SourceFile, descriptor: int) -> None:
        """Hash one file from its beginning."""
        hasher, offset = xxhash.xxh3_128(), 0
        while piece := os.pread(descriptor, HASH_READ_BYTES, offset):
            hasher.update(piece)
            offset += len(piece)
        if offset == source.size:
            self.digests[source] = hasher.hexdigest()
