"""Which sidecars are read, by their extensions; thumbnails and indexes beside clips say nothing."""

import os

from media.sidecars.checksum_lists import ALGORITHM_OF_EXTENSION

METADATA = frozenset({".xmp", ".xml", ".json", ".csv", ".ale", ".cif"})
CHECKSUMS = frozenset({".mhl", *ALGORITHM_OF_EXTENSION})


def is_read(name: str) -> bool:
    """Whether a sidecar of this name is opened at all."""
    return _extension(name) in METADATA | CHECKSUMS


def holds_metadata(name: str) -> bool:
    """Whether a sidecar of this name can say something of its clip."""
    return _extension(name) in METADATA


def is_checksum_list(name: str) -> bool:
    """Whether a sidecar of this name lists checksums."""
    return _extension(name) in CHECKSUMS


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()
