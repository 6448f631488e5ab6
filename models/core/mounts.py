"""Mount points of storages on this machine, which may differ from the machine on which the storage was added.

A property of the machine, like its time zone: configured once per process. Rows contain the root as named by the
watcher's machine; call `resolve_mount` before opening a path on disk.
"""

from collections.abc import Mapping
from types import MappingProxyType

_mount_points: Mapping[bytes, bytes] = MappingProxyType({})


def configure_mounts(places: Mapping[bytes, bytes]) -> None:
    """Configure the local paths of roots; all other roots are used as stored."""
    global _mount_points  # noqa: PLW0603
    _mount_points = MappingProxyType(dict(places))


def resolve_mount(root: bytes) -> bytes:
    """Return the local path of a storage's root."""
    return _mount_points.get(root, root)
