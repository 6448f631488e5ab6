"""Dry run of grouping over a whole tree without a database: drop ignored names, then group each island."""

from __future__ import annotations

from collections.abc import Iterable

from grouping.group import group_paths
from grouping.model.gc_pause import gc_paused
from grouping.model.ignore_patterns import IgnorePatterns
from grouping.model.islands import ATTACHED_DIRS, NO_PACKAGES, PACKAGE_MARKERS, is_package_marker, island_of
from grouping.model.plan import AssetPlan, TreeGrouping, first_path_of
from grouping.model.profile import DEFAULT_PROFILE, Profile


def group_tree(paths: Iterable[bytes], profile: Profile = DEFAULT_PROFILE, ignore: Iterable[str] = ()) -> TreeGrouping:
    """Group every path of a storage, each relative to its root; orphans become assets."""
    with gc_paused():
        islands, ignored = _islands(paths, IgnorePatterns(ignore), profile)
        assets: list[AssetPlan] = []
        for island in islands:
            assets.extend(group_paths(island, profile).settled())
        if len(islands) > 1:
            assets.sort(key=first_path_of)
        return TreeGrouping(tuple(assets), tuple(sorted(ignored)))


def _islands(paths: Iterable[bytes], ignore: IgnorePatterns, profile: Profile) -> tuple[list[list[bytes]], list[bytes]]:
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
    return _group_by_island({folder: names for folder, names in folders.items() if names}, profile), ignored


def _group_by_island(folders: dict[bytes, list[bytes]], profile: Profile) -> list[list[bytes]]:
    attached = ATTACHED_DIRS | profile.attached_dirs
    packages = NO_PACKAGES
    if profile.packages:
        packages = frozenset(folder for folder, names in folders.items() if any(map(_is_marker_path, names)))
    islands: dict[bytes, list[bytes]] = {}
    for folder, names in folders.items():
        islands.setdefault(island_of(folder, packages, attached), []).extend(names)
    return list(islands.values())


def _is_marker_path(path: bytes) -> bool:
    return path.endswith(PACKAGE_MARKER_SUFFIXES) and is_package_marker(path[path.rfind(b"/") + 1 :])


PACKAGE_MARKER_SUFFIXES = tuple(PACKAGE_MARKERS)
