"""Checksums of files, by the algorithms that checksum lists use."""

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Protocol

import xxhash

CHECKSUM_READ_BYTES = 4 << 20
SIZE_CHECK = "size"
"""Stands for an algorithm where a list says only how many bytes a file has."""
C4_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
C4_DIGITS = 88
DIGEST_DIGITS = {
    **{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128},
    **{"xxh32": 8, "xxh64": 16, "xxh3": 16, "xxh128": 32},
}
"""Hexadecimal digits of each algorithm that is computed."""


class Hasher(Protocol):
    """Common interface of hashlib, xxhash and C4."""

    def update(self, data: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


class C4Hasher:
    """C4 ID (SMPTE ST 2114): SHA-512 in the digits of Bitcoin's base 58 after `c4`."""

    def __init__(self) -> None:
        self._summed = hashlib.sha512()

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        self._summed.update(data)

    def hexdigest(self) -> str:
        """Return the ID, which is not hexadecimal."""
        number, digits = int.from_bytes(self._summed.digest(), "big"), ""
        while number:
            number, place = divmod(number, 58)
            digits = C4_ALPHABET[place] + digits
        return "c4" + digits.rjust(C4_DIGITS, C4_ALPHABET[0])


HASHERS: dict[str, Callable[[], Hasher]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha224": hashlib.sha224,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
    "xxh32": xxhash.xxh32,
    "xxh64": xxhash.xxh64,
    "xxh3": xxhash.xxh3_64,
    "xxh128": xxhash.xxh3_128,
    "c4": C4Hasher,
}


def compute_checksums(descriptor: int, algorithms: Sequence[str], pulse: Callable[[], None]) -> dict[str, str]:
    """Compute checksums of an open file in one pass, by algorithm; `pulse` is called between chunks, and may raise to
    stop."""
    summed = {algorithm: HASHERS[algorithm]() for algorithm in algorithms if algorithm != SIZE_CHECK}
    while summed and (piece := os.read(descriptor, CHECKSUM_READ_BYTES)):
        for one in summed.values():
            one.update(piece)
        pulse()
    found = {algorithm: one.hexdigest() for algorithm, one in summed.items()}
    return found | ({SIZE_CHECK: str(os.fstat(descriptor).st_size)} if SIZE_CHECK in algorithms else {})


def is_same_checksum(algorithm: str, expected: str, found: str) -> bool:
    """Whether two checksums are equal; some programs write an xxhash in reverse byte order."""
    if expected == found:
        return True
    return algorithm.startswith("xxh") and len(expected) == len(found) and reverse_bytes(expected) == found


def reverse_bytes(digest: str) -> str:
    """Return a hexadecimal digest in reverse byte order."""
    return "".join(reversed([digest[place : place + 2] for place in range(0, len(digest), 2)]))
