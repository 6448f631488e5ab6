"""Dry run of grouping over a whole tree without a database: drop ignored names, then group each island."""

from __future__ import annotations

from collections.abc import Iterable

from watch.grouping.collection import collection_paused
from watch.grouping.ignored import Ignore
from watch.grouping.plan import AssetPlan, Tree, first_path_of
from watch.grouping.profile import DEFAULT_PROFILE, Profile
from watch.grouping.regroup import regroup
from watch.islands import HOMING_NAMES, MARKERS, NO_PACKAGES, is_marker, island_of


def group_tree(paths: Iterable[bytes], profile: Profile = DEFAULT_PROFILE, ignore: Iterable[str] = ()) -> Tree:
    """Group every path of a storage, each relative to its root; orphans become assets."""
    with collection_paused():
        islands, ignored = _islands(paths, Ignore(ignore), profile)
        assets: list[AssetPlan] = []
        for island in islands:
            assets.extend(regroup(island, profile).settled())
        if len(islands) > 1:
            assets.sort(key=first_path_of)
        return Tree(tuple(assets), tuple(sorted(ignored)))


def _islands(paths: Iterable[bytes], ignore: Ignore, profile: Profile) -> tuple[list[list[bytes]], list[bytes]]:
    """Return the names of each island, and the ignored names."""
    folders: dict[bytes, list[bytes] | None] = {}
    ignored: list[bytes] = []
    for path in dict.fromkeys(paths):
        slash = path.rfind(b"/")
        folder = path[:slash] if slash > 0 else b""
        if folder not in folders:
            folders[folder] = [] if ignore.path(folder) is None else None
        names = folders[folder]
        if names is None or ignore.name(path[slash + 1 :]) is not None or (ignore.has_paths and ignore.path(path)):
            ignored.append(path)
        else:
            names.append(path)
    return _homes({folder: names for folder, names in folders.items() if names}, profile), ignored


def _homes(folders: dict[bytes, list[bytes]], profile: Profile) -> list[list[bytes]]:
    homing = HOMING_NAMES | profile.homing_dirs
    packages = NO_PACKAGES
    if profile.packages:
        packages = frozenset(folder for folder, names in folders.items() if any(map(_is_marker_path, names)))
    islands: dict[bytes, list[bytes]] = {}
    for folder, names in folders.items():
        islands.setdefault(island_of(folder, packages, homing), []).extend(names)
    return list(islands.values())


def _is_marker_path(path: bytes) -> bool:
    return path.endswith(MARKER_ENDS) and is_marker(path[path.rfind(b"/") + 1 :])


MARKER_ENDS = tuple(MARKERS)
