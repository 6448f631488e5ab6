"""Checksums of files, by the algorithms that checksum lists use."""

import hashlib
import os
from collections.abc import Callable
from typing import Protocol

import xxhash

CHECKSUM_READ_BYTES = 4 << 20


class Hasher(Protocol):
    """Common interface of hashlib and xxhash."""

    def update(self, data: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


HASHERS: dict[str, Callable[[], Hasher]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "xxh32": xxhash.xxh32,
    "xxh64": xxhash.xxh64,
    "xxh3": xxhash.xxh3_64,
    "xxh128": xxhash.xxh3_128,
}


def compute_checksum(descriptor: int, algorithm: str, pulse: Callable[[], None]) -> str:
    """Compute the checksum of an open file; `pulse` is called between chunks, and may raise to stop."""
    summed = HASHERS[algorithm]()
    while piece := os.read(descriptor, CHECKSUM_READ_BYTES):
        summed.update(piece)
        pulse()
    return summed.hexdigest()


def is_same_checksum(algorithm: str, expected: str, found: str) -> bool:
    """Whether two checksums are equal; some programs write an xxhash in reverse byte order."""
    if expected == found:
        return True
    if not algorithm.startswith("xxh") or len(expected) != len(found):
        return False
    return "".join(reversed([expected[place : place + 2] for place in range(0, len(expected), 2)])) == found
