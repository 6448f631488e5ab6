"""Free space of the folders that Tapeless writes to: the same limit for status, terminal, doctor and alert."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MIN_FREE_BYTES = 2 * 1024**3
"""As in the alert DiskAlmostFull."""


def find_low_space(folders: Mapping[str, Path]) -> dict[str, str]:
    """Return which folders have too little free space, in words; one that is not on this machine has none."""
    found: dict[str, str] = {}
    for name, folder in folders.items():
        is_inside = any(other in folder.parents for other in folders.values())
        with suppress(OSError):
            free = shutil.disk_usage(folder).free
            if free < MIN_FREE_BYTES and not is_inside:
                found[f"{name} folder"] = f"the disk of the {name} folder has {free / 1024**3:.1f} GiB left"
    return found
