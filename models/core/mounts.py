"""Mount points of storages on this machine, which may differ from the machine on which the storage was added.

A property of the machine, like its time zone: configured once per process. Rows contain the root as named by the
watcher's machine; call `resolve_mount` before opening a path on disk. A root without a leading `/` is below the media
folder, which every process names itself, so that it may be moved, restored and mounted elsewhere.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_mount_points: Mapping[bytes, bytes] = MappingProxyType({})
_media_folder = b""


def configure_mounts(places: Mapping[bytes, bytes], media_folder: Path | None = None) -> None:
    """Configure the local paths of roots, and the media folder; all other roots are used as stored."""
    global _mount_points, _media_folder  # noqa: PLW0603
    _mount_points = MappingProxyType(dict(places))
    _media_folder = b"" if media_folder is None else os.fsencode(media_folder.absolute())


def configured_media_folder() -> Path | None:
    """Return the media folder of this process, if it was given one."""
    return Path(os.fsdecode(_media_folder)) if _media_folder else None


def is_in_media_folder(root: bytes) -> bool:
    """Return whether a storage's root is named relative to the media folder."""
    return not root.startswith(b"/")


def resolve_mount(root: bytes) -> bytes:
    """Return the local path of a storage's root. Raises ValueError if it needs a media folder and there is none."""
    if not is_in_media_folder(root):
        return _mount_points.get(root, root)
    if not _media_folder:
        raise ValueError(f'root "{os.fsdecode(root)}": this process was given no media folder')
    return _media_folder + b"/" + root
