"""Where the roots of storages are on this machine, which may have them mounted elsewhere than where they were added.

It is a fact of the machine, as its time zone is: said once when a process starts, the same for all that it does. Rows
hold the root as its watcher's machine named it; whoever opens something on a disk asks for the place here.
"""

from collections.abc import Mapping
from types import MappingProxyType

_places: Mapping[bytes, bytes] = MappingProxyType({})


def use_mounts(places: Mapping[bytes, bytes]) -> None:
    """Say where roots are on this machine; those that are not named are where their rows say."""
    global _places  # noqa: PLW0603
    _places = MappingProxyType(dict(places))


def here(root: bytes) -> bytes:
    """The place of a storage's root on this machine."""
    return _places.get(root, root)
