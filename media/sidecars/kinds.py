"""Kinds of sidecars by extension. Thumbnails and indexes beside clips are not read."""

import os

from media.sidecars.checksum_lists import ALGORITHM_OF_EXTENSION

METADATA = frozenset({".xmp", ".xml", ".json", ".csv", ".ale", ".cif"})
CHECKSUMS = frozenset({".mhl", *ALGORITHM_OF_EXTENSION})


def is_read(name: str) -> bool:
    """Whether a sidecar of this name is read."""
    return _extension(name) in METADATA | CHECKSUMS


def holds_metadata(name: str) -> bool:
    """Whether a sidecar of this name may contain metadata."""
    return _extension(name) in METADATA


def is_checksum_list(name: str) -> bool:
    """Whether a sidecar of this name is a checksum list."""
    return _extension(name) in CHECKSUMS


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()
