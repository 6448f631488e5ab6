"""Kinds of sidecars by extension. Thumbnails and indexes beside clips are not read."""

import os

from media.sidecars.checksum_lists import ALGORITHM_OF_EXTENSION

METADATA_EXTENSIONS = frozenset({".xmp", ".xml", ".json", ".csv", ".ale", ".cif"})
CHECKSUM_EXTENSIONS = frozenset({".mhl", *ALGORITHM_OF_EXTENSION})


def is_readable_sidecar(name: str) -> bool:
    """Whether a sidecar of this name is read."""
    return _extension(name) in METADATA_EXTENSIONS | CHECKSUM_EXTENSIONS


def is_metadata_sidecar(name: str) -> bool:
    """Whether a sidecar of this name may contain metadata."""
    return _extension(name) in METADATA_EXTENSIONS


def is_checksum_list(name: str) -> bool:
    """Whether a sidecar of this name is a checksum list."""
    return _extension(name) in CHECKSUM_EXTENSIONS


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()
