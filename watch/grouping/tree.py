"""Grouping of a whole tree without a database, for the dry run: ignored names out, then island by island."""

from __future__ import annotations

from collections.abc import Iterable

from watch.grouping.ignored import Ignore
from watch.grouping.items import folder_of
from watch.grouping.plan import AssetPlan, Tree, first_path_of
from watch.grouping.profile import DEFAULT_PROFILE, Profile
from watch.grouping.regroup import regroup
from watch.islands import HOMING_NAMES, NO_PACKAGES, is_marker, island_of


def group_tree(paths: Iterable[bytes], profile: Profile = DEFAULT_PROFILE, ignore: Iterable[str] = ()) -> Tree:
    """Group every path of a storage, each relative to its root; orphans stand alone."""
    kept, ignored = _sift(paths, Ignore(ignore))
    assets: list[AssetPlan] = []
    for island in _islands(kept, profile).values():
        assets.extend(regroup(island, profile).settled())
    return Tree(tuple(sorted(assets, key=first_path_of)), tuple(sorted(ignored)))


def _sift(paths: Iterable[bytes], ignore: Ignore) -> tuple[list[bytes], list[bytes]]:
    kept: list[bytes] = []
    ignored: list[bytes] = []
    folders: dict[bytes, bool] = {b"": False}
    for path in dict.fromkeys(paths):
        folder = folder_of(path)
        hidden = folders.get(folder)
        if hidden is None:
            hidden = folders[folder] = ignore.path(folder) is not None
        if hidden or ignore.name(path[path.rfind(b"/") + 1 :]) is not None or (ignore.has_paths and ignore.path(path)):
            ignored.append(path)
        else:
            kept.append(path)
    return kept, ignored


def _islands(paths: list[bytes], profile: Profile) -> dict[bytes, list[bytes]]:
    homing = HOMING_NAMES | profile.homing_dirs
    packages = NO_PACKAGES
    if profile.packages:
        packages = frozenset(folder_of(path) for path in paths if is_marker(path[path.rfind(b"/") + 1 :]))
    homes: dict[bytes, bytes] = {}
    islands: dict[bytes, list[bytes]] = {}
    for path in paths:
        folder = folder_of(path)
        home = homes.get(folder)
        if home is None:
            home = homes[folder] = island_of(folder, packages, homing)
        islands.setdefault(home, []).append(path)
    return islands
