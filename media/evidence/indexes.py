"""Which files are indexes, by their paths, and who reads each of them."""

import re
from collections.abc import Callable

from media.evidence.avchd import read_avchd_clip_info, read_avchd_index, read_avchd_playlist
from media.evidence.cameras import (
    read_disc_index,
    read_last_p2_clip,
    read_p2_clip,
    read_reel_log,
    read_sony_profile,
)
from media.evidence.packages import read_bag_fetch, read_bag_info, read_history_chain, read_package_xml
from media.evidence.statements import Aspect, Finding, Statement
from media.sidecars.kinds import BAGIT_MANIFEST, is_checksum_list

READERS: tuple[tuple[re.Pattern[str], Callable[[bytes, str], Statement]], ...] = tuple(
    (re.compile(rf"(?is)(?:.*/)?{pattern}"), reader)
    for pattern, reader in (
        (r"CONTENTS/CLIP/[^/]+\.XML", read_p2_clip),
        (r"LASTCLIP\.TXT", read_last_p2_clip),
        (r"MEDIAPRO\.XML", read_sony_profile),
        (r"INDEX\.XML", read_disc_index),
        (r"PLAYLIST/\d{5}\.MPLS?", read_avchd_playlist),
        (r"CLIPINF/\d{5}\.(?:CPI|CLPI)", read_avchd_clip_info),
        (r"BDMV/(?:BACKUP/)?INDEX\.BDM[V]?", read_avchd_index),
        (r"[^/]+\.ALE", read_reel_log),
        (r"bag-info\.txt", read_bag_info),
        (r"fetch\.txt", read_bag_fetch),
        (r"ascmhl/ascmhl_chain\.xml", read_history_chain),
    )
)
ASSET_MAP = re.compile(r"(?is)(?:.*/)?ASSETMAP(?:\.xml)?")
PACKAGE_PAPERS = re.compile(r"(?is)(?:.*/)?(?:ASSETMAP|VOLINDEX)(?:\.xml)?")
BAG_PAPERS = re.compile(r"(?is)(?:.*/)?(?:bagit|bag-info|fetch)\.txt")
PLAIN_MEDIA = frozenset(
    {
        *("exr", "dpx", "tif", "tiff", "png", "jpg", "jpeg", "jp2", "dng", "ari", "arx", "r3d", "braw"),
        *("mov", "mxf", "mp4", "mts", "wav", "bwf", "aif"),
    }
)
"""Endings of files that are no index and no list: a folder has 100,000 of them, and patterns take time."""
ENDS_EARLY = "ends early: it has"
HISTORY_CHAIN = re.compile(r"(?is)(?:.*/)?ascmhl/ascmhl_chain\.xml")


def may_state(path: str) -> bool:
    """Whether a file may be an index or a list, by its ending."""
    return path[path.rfind(".") + 1 :].lower() not in PLAIN_MEDIA


def find_index_reader(path: str, packages: frozenset[str] = frozenset()) -> Callable[[bytes, str], Statement] | None:
    """Return the reader of an index, or None for any other file; `packages` are the folders with an asset map."""
    if not may_state(path):
        return None
    if ASSET_MAP.fullmatch(path):
        return read_package_xml
    if path[-4:].lower() == ".xml" and path.rpartition("/")[0] in packages:
        return read_package_xml
    return next((reader for pattern, reader in READERS if pattern.fullmatch(path)), None)


def package_folders(paths: list[str]) -> frozenset[str]:
    """Return the folders that hold an asset map."""
    return frozenset(path.rpartition("/")[0] for path in paths if ASSET_MAP.fullmatch(path))


def is_sum_list(path: str) -> bool:
    """Whether a path is that of a checksum list."""
    return may_state(path) and is_checksum_list(path.rpartition("/")[2])


def names_many(path: str) -> bool:
    """Whether a checksum list is about a folder by its name, rather than about the one file that it is named after."""
    name = path.rpartition("/")[2]
    return name.lower().endswith(".mhl") or BAGIT_MANIFEST.fullmatch(name) is not None


def is_own_evidence(path: str) -> bool:
    """Whether no other file has to state the bytes of this one: lists, and the papers of packages and bags."""
    if not may_state(path):
        return False
    papers = (PACKAGE_PAPERS, BAG_PAPERS, HISTORY_CHAIN)
    return is_sum_list(path) or any(paper.fullmatch(path) for paper in papers)


def state_unreadable(path: str, reason: str) -> Statement:
    """Return the statement of an index that cannot be read: one that ends early is damaged, another file may be of a
    kind that is not read."""
    finding = Finding(Aspect.PRESENCE, path, f"states nothing: {reason}")
    if "is no XML that can be read" in reason or ENDS_EARLY in reason:
        return Statement("damaged index", path, path.rpartition("/")[0], faults=(finding,))
    return Statement("unread index", path, path.rpartition("/")[0], gaps=(finding,))
