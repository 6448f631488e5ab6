"""Kinds of sidecars by name. Thumbnails and indexes beside clips are not read."""

import os
import re

METADATA_EXTENSIONS = frozenset({".xmp", ".xml", ".json", ".csv", ".ale", ".cif"})
LIST_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "xxh32", "xxh64", "xxh3", "xxh128")
ALGORITHM_OF_EXTENSION = {
    **{f".{algorithm}": algorithm for algorithm in LIST_ALGORITHMS},
    **{f".{algorithm}sum": algorithm for algorithm in LIST_ALGORITHMS},
    ".sha": "sha",
    ".xxhash": "xxhash",
    ".xxh": "xxhash",
    ".sfv": "sfv",
    ".c4": "c4",
}
"""Algorithm, or family of algorithms, of a list with one line per file."""
MHL_EXTENSION = ".mhl"
SUMS_FILE = re.compile(rf"(?i)({'|'.join(LIST_ALGORITHMS)})sums?(?:\.txt)?")
"""`MD5SUMS`, `sha256sum.txt`."""
BAGIT_MANIFEST = re.compile(rf"(?i)(?:tag)?manifest-({'|'.join(LIST_ALGORITHMS)})\.txt")


def is_readable_sidecar(name: str) -> bool:
    """Whether a sidecar of this name is read."""
    return is_metadata_sidecar(name) or is_checksum_list(name)


def is_metadata_sidecar(name: str) -> bool:
    """Whether a sidecar of this name may contain metadata."""
    return _extension(name) in METADATA_EXTENSIONS


def is_checksum_list(name: str) -> bool:
    """Whether a sidecar of this name is a checksum list."""
    return is_media_hash_list(name) or algorithm_of_list(name) is not None


def is_media_hash_list(name: str) -> bool:
    """Whether a sidecar of this name is a media hash list (MHL), of either generation."""
    return _extension(name) == MHL_EXTENSION


def algorithm_of_list(name: str) -> str | None:
    """Return the algorithm that a list is named after, or its family, whose lines are told apart by their length; None
    for another file."""
    named = SUMS_FILE.fullmatch(name) or BAGIT_MANIFEST.fullmatch(name)
    return named[1].lower() if named else ALGORITHM_OF_EXTENSION.get(_extension(name))


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()
