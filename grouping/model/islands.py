"""Island of a path: the smallest folder tree that can be grouped on its own, derived from folder names alone.

A change marks one island dirty, and no format spans two islands, so the island of a path must not depend on files that
arrive later. The one exception is a marker file that makes its folder a package: the caller passes the packages in, and
reassigns the folders below in the transaction that sees the marker appear or vanish.
"""

from __future__ import annotations

import re
from functools import lru_cache

RENDITION_DIRS: tuple[str, ...] = (
    *("proxy", "proxies", "proxy_media", "proxymedia", "transcode", "transcodes", "transcoded"),
    *("lowres", "low_res", "lores", "preview", "previews", "rendition", "renditions", "h264", "h265", "hevc"),
)
CAPTION_DIRS: tuple[str, ...] = ("subs", "subtitle", "subtitles", "sub", "caption", "captions", "cc")
VIEW_DIRS: tuple[str, ...] = ("left", "right", "l", "r", "lefteye", "righteye", "left_eye", "right_eye")

CARD_DIRS = frozenset(b"contents m4root xdroot bpav bdmv".split())
"""Folders that cameras create at the top of a card."""
TRAILING_CARD_DIRS = frozenset(b"clip".split())
"""XDCAM discs store `Clip` beside `Sub`; the word is too common to make its parent a card."""
P2_CARD_DIRS = frozenset(b"video audio clip icon proxy voice".split())

ATTACHED_DIRS = frozenset(word.encode() for word in (*RENDITION_DIRS, *CAPTION_DIRS, *VIEW_DIRS)) | TRAILING_CARD_DIRS
"""Trailing folders with these names (lower case, spaces and dashes as `_`) belong to the island above them."""

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
