"""Island of a path: the smallest folder tree that can be grouped on its own, derived from folder names alone.

A change marks one island dirty, and no format spans two islands, so the island of a path must not depend on files that
arrive later. The one exception is a marker file that makes its folder a package: the caller passes the packages in, and
reassigns the folders below in the transaction that sees the marker appear or vanish.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache

from grouping.model.card_table import BDMV_PAPERS, CARD_PAPERS, LOOSE_CARD_DIRS, PAPER_DIR, PAPER_EXTENSIONS

RENDITION_DIRS: tuple[str, ...] = (
    *("proxy", "proxies", "proxy_media", "proxymedia", "transcode", "transcodes", "transcoded"),
    *("lowres", "low_res", "lores", "preview", "previews", "rendition", "renditions", "h264", "h265", "hevc"),
)
CAPTION_DIRS: tuple[str, ...] = ("subs", "subtitle", "subtitles", "sub", "caption", "captions", "cc")
VIEW_DIRS: tuple[str, ...] = ("left", "right", "l", "r", "lefteye", "righteye", "left_eye", "right_eye")

CARD_DIRS = frozenset(b"contents m4root xdroot bpav bdmv".split())
"""Folders that cameras create at the top of a card."""
TRAILING_CARD_DIRS = LOOSE_CARD_DIRS | {PAPER_DIR}
"""XDCAM discs store `Clip` beside `Sub`; the words are too common to make their parent a card. ASC MHL stores its
manifests in a folder beside the clips."""
P2_CARD_DIRS = frozenset(b"video audio clip icon proxy voice".split())

ATTACHED_DIRS = frozenset(word.encode() for word in (*RENDITION_DIRS, *CAPTION_DIRS, *VIEW_DIRS)) | TRAILING_CARD_DIRS
"""Trailing folders with these names (lower case, spaces and dashes as `_`) belong to the island above them."""

CLIP_CLASSES = frozenset({"video", "image", "audio"})
"""Media classes of files that papers can be about."""

PACKAGE_MARKERS = frozenset({b"ASSETMAP", b"ASSETMAP.xml"})
NO_PACKAGES: frozenset[bytes] = frozenset()

_CANON_PART = re.compile(rb"clips\d{3}")
_RED_CLIP = re.compile(rb".*\.rd[cm]", re.DOTALL)
_EYE_WORD = re.compile(rb"(?<![^ ._-])(?:left|right|l|r|lefteye|righteye)(?![^ ._-])", re.IGNORECASE)
"""An eye as a whole word of a folder name, such as `main_left`, attaches the folder like the word alone."""
_WORD_BREAK = bytes.maketrans(b" -", b"__")


def fold_folder_name(segment: bytes) -> bytes:
    """Return a folder name as the lists spell it: lower case, `Proxy Media` as `proxy_media`."""
    return segment.lower().translate(_WORD_BREAK)


def is_package_marker(name: bytes) -> bool:
    """Return whether a file of this name makes its folder a package."""
    return name in PACKAGE_MARKERS


@lru_cache(maxsize=65536)
def card_root(folder: bytes) -> bytes | None:
    """Return the nearest ancestor (or the folder itself) with a camera card layout, or None."""
    parts = folder.split(b"/")
    lower = [part.lower() for part in parts]
    for depth in range(len(parts) - 1, -1, -1):
        name = lower[depth]
        below = lower[depth + 1] if depth + 1 < len(parts) else b""
        if name == b"contents":
            if below in P2_CARD_DIRS or _CANON_PART.fullmatch(below):
                return b"/".join(parts[:depth])
        elif name in CARD_DIRS or _RED_CLIP.fullmatch(name):
            return b"/".join(parts[: depth + 1])
    return None


@lru_cache(maxsize=65536)
def _root_without_packages(folder: bytes, dirs: frozenset[bytes]) -> bytes:
    root = card_root(folder)
    if root is not None:
        return root
    end = len(folder)
    while end > 0:
        slash = folder.rfind(b"/", 0, end)
        segment = folder[slash + 1 : end]
        if fold_folder_name(segment) not in dirs and _EYE_WORD.search(segment) is None:
            return folder[:end]
        end = slash
    return b""


def strip_trailing_folders(folder: bytes, names: frozenset[bytes]) -> bytes:
    """Return a folder without its trailing folders of these names."""
    end = len(folder)
    while end > 0:
        slash = folder.rfind(b"/", 0, end)
        if fold_folder_name(folder[slash + 1 : end]) not in names:
            return folder[:end]
        end = slash
    return b""


def island_of(
    folder: bytes, packages: frozenset[bytes] = NO_PACKAGES, attached: frozenset[bytes] = ATTACHED_DIRS
) -> bytes:
    """Return the root folder of a folder's island; both paths are relative to the storage root, which is b"".

    `packages` are the folders that hold a marker file. `attached` extends the fixed list by a profile's own folders:
    for a storage whose profile names other folders, pass `ATTACHED_DIRS | profile.attached_dirs` in every call.
    """
    home = _root_without_packages(folder, attached)
    package = nearest_root(folder, packages) if packages else None
    if package is None:
        return home
    card = card_root(folder)
    return card if card is not None and len(card) > len(package) else package


def is_paper(path: bytes) -> bool:
    """Return whether a file is about its whole card or reel by its name."""
    slash = path.rfind(b"/")
    name = path[slash + 1 :]
    if name[name.rfind(b".") + 1 :].lower() not in PAPER_EXTENSIONS:
        return False
    folder = path[: max(slash, 0)]
    return (
        CARD_PAPERS.fullmatch(name) is not None
        or described_folder(folder) != folder
        or BDMV_PAPERS.fullmatch(path) is not None
    )


def described_folder(folder: bytes) -> bytes:
    """Return the folder that papers in this folder describe: the folder itself, or the one above a manifest folder."""
    return strip_trailing_folders(folder, frozenset({PAPER_DIR}))


def paper_homes(papers: Iterable[bytes], clips: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the island that each island of papers alone joins: that of the first folder with a clip below it.

    Args:
        papers: roots of islands that hold nothing but papers.
        clips: roots of islands by folder, for every folder with a clip.
    """
    folders = sorted(folder + b"/" for folder in clips)
    found: dict[bytes, bytes] = {}
    for root in papers:
        below = root + b"/" if root else b""
        at = bisect_left(folders, below)
        if at < len(folders) and folders[at].startswith(below):
            found[root] = clips[folders[at][:-1]]
    return found


def nearest_root(folder: bytes, roots: frozenset[bytes]) -> bytes | None:
    """Return the nearest of these folders at or above a folder.

    Tries only lengths that a root has, so that a path of a hundred thousand levels costs no more than a short one.
    """
    if folder in roots:
        return folder
    for length in _lengths(roots):
        if length < len(folder) and (not length or folder[length] == 0x2F) and folder[:length] in roots:
            return folder[:length]
    return None


@lru_cache(maxsize=64)
def _lengths(roots: frozenset[bytes]) -> tuple[int, ...]:
    return tuple(sorted({len(root) for root in roots}, reverse=True))
