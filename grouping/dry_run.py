"""Dry run of grouping over a whole tree without a database: drop ignored names, then group each island."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from grouping.group import group_paths
from grouping.model.gc_pause import gc_paused
from grouping.model.ignore_patterns import IgnorePatterns
from grouping.model.islands import (
    ATTACHED_DIRS,
    CLIP_CLASSES,
    NO_PACKAGES,
    PACKAGE_MARKERS,
    is_package_marker,
    is_paper,
    island_of,
    paper_homes,
)
from grouping.model.items import folder_of
from grouping.model.names import classify_path
from grouping.model.plan import AssetPlan, TreeGrouping, first_path_of
from grouping.model.profile import DEFAULT_PROFILE, Profile

MIN_HINTED_PHOTOGRAPHS = 3
"""Fewer numbered pictures of one name are hardly a time-lapse."""


def group_tree(paths: Iterable[bytes], profile: Profile = DEFAULT_PROFILE, ignore: Iterable[str] = ()) -> TreeGrouping:
    """Group every path of a storage, each relative to its root; orphans become assets."""
    with gc_paused():
        islands, ignored = _islands(paths, IgnorePatterns(ignore, profile.hidden), profile)
        assets: list[AssetPlan] = []
        for island in islands:
            assets.extend(group_paths(island, profile).settled())
        if len(islands) > 1:
            assets.sort(key=first_path_of)
        return TreeGrouping(tuple(assets), tuple(sorted(ignored)))


def count_numbered_photographs(assets: Iterable[AssetPlan], profile: Profile) -> dict[bytes, int]:
    """Return by folder how many pictures are stills that `photos = "sequences"` would make frames of sequences."""
    sequences = profile.model_copy(update={"photos": "sequences"})
    counts: Counter[tuple[bytes, bytes]] = Counter()
    for asset in assets:
        for path in asset.paths() if asset.formats[0].kind == "image" else ():
            if classify_path(path, profile).bucket is None:
                bucket = classify_path(path, sequences).bucket
                if bucket is not None:
                    counts[folder_of(path), bucket] += 1
    folders: Counter[bytes] = Counter()
    for (folder, _), number in counts.items():
        if number >= max(profile.min_frames, MIN_HINTED_PHOTOGRAPHS):
            folders[folder] += number
    return dict(sorted(folders.items()))


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
    packages = NO_PACKAGES
    if profile.packages:
        packages = frozenset(folder for folder, names in folders.items() if any(map(_is_marker_path, names)))
    roots = assign_islands(folders, packages, profile)
    islands: dict[bytes, list[bytes]] = {}
    for folder, names in folders.items():
        islands.setdefault(roots[folder], []).extend(names)
    return list(islands.values())


def assign_islands(
    folders: Mapping[bytes, Sequence[bytes]], packages: frozenset[bytes], profile: Profile
) -> dict[bytes, bytes]:
    """Return the root of each folder's island, for folders with the paths in them."""
    attached = ATTACHED_DIRS | profile.attached_dirs
    roots = {folder: island_of(folder, packages, attached) for folder in folders}
    only_papers = {roots[folder] for folder, paths in folders.items() if paths and is_paper(paths[0])}
    if not only_papers:
        return roots
    only_papers -= {roots[folder] for folder, paths in folders.items() if not all(map(is_paper, paths))}
    clips = {folder: roots[folder] for folder, names in folders.items() if _holds_clip(names, profile)}
    homes = paper_homes(only_papers, clips)
    return {folder: homes.get(root, root) for folder, root in roots.items()}


def _holds_clip(names: Iterable[bytes], profile: Profile) -> bool:
    return any(profile.class_of.get(name[name.rfind(b".") + 1 :].lower()) in CLIP_CLASSES for name in names)


def _is_marker_path(path: bytes) -> bool:
    return path.endswith(PACKAGE_MARKER_SUFFIXES) and is_package_marker(path[path.rfind(b"/") + 1 :])


PACKAGE_MARKER_SUFFIXES = tuple(PACKAGE_MARKERS)
