"""Classification of one path: its media class, and whether it could be a frame of a numbered set.

This first stage runs once per file and its result is stored with the file's row, so it depends only on the path and the
profile. Whether a candidate is really a frame is decided on its whole bucket, never here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from grouping.model import extensions
from grouping.model.islands import card_root
from grouping.model.profile import DEFAULT_PROFILE, Profile

MAX_FRAME_DIGITS = 18
"""Longer numbers do not fit a stored 64-bit frame; no camera or renderer counts that far."""

ASCII_DIGITS = b"0123456789"
NON_DIGITS = bytes(sorted(set(range(256)) - set(ASCII_DIGITS)))

_DCF_FOLDER = re.compile(rb"[1-9]\d\d[A-Za-z0-9_]{5}")
_DCF_MAKERS = re.compile(
    rb"[1-9]\d\d(?:CANON|MSDCF|NIKON|NCD..|OLYMP|_FUJI|_PANA|APPLE|GOPRO|PENTX|LEICA|SIGMA|RICOH|CASIO|HASBL|PHOTO)"
)
_DCF_FILE = re.compile(rb"[A-Z0-9_]{4}\d{4}")
_PHONE_PHOTO = re.compile(
    rb"(?:(?:IMG|PXL|MVIMG|PANO|PORTRAIT|BURST|Screenshot)[_-]?)?(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[_-]?"
)
"""Phones name photographs by date and time; the time is not a frame number."""


@dataclass(frozen=True, slots=True)
class ClassifiedPath:
    """Classification of one path; `bucket` is None if it cannot be a frame."""

    media_class: str
    bucket: bytes | None = None
    """Name without its number, with a NUL in the number's place."""
    frame: int | None = None
    width: int = 0
    """Digits as written, without the sign."""
    padded: bool = False
    """Whether the number has a leading zero."""

    @property
    def padding(self) -> int:
        """Width that leading zeros fill, 0 without any."""
        return self.width if self.padded else 0


_UNNUMBERED = {media_class: ClassifiedPath(media_class) for media_class in extensions.MEDIA_CLASSES}
OTHER_PATH = _UNNUMBERED["other"]


def classify_path(path: bytes, profile: Profile = DEFAULT_PROFILE) -> ClassifiedPath:
    """Classify one path, relative to its storage's root."""
    slash = path.rfind(b"/")
    dot = path.rfind(b".")
    if dot <= slash + 1:
        return OTHER_PATH
    media_class = profile.class_of.get(path[dot + 1 :].lower(), "other")
    if media_class != "image" or path[slash + 1] == 0x2E or slash == 0:
        return _UNNUMBERED[media_class]
    return _describe_image(path, slash, dot, profile)


def _describe_image(path: bytes, slash: int, dot: int, profile: Profile) -> ClassifiedPath:
    stem = path[slash + 1 : dot]
    head = stem.rstrip(NON_DIGITS)
    prefix = head.rstrip(ASCII_DIGITS)
    digits = head[len(prefix) :]
    width = len(digits)
    if not 0 < width <= MAX_FRAME_DIGITS or is_version_prefix(prefix):
        return _UNNUMBERED["image"]
    extension = path[dot + 1 :].lower()
    if _holds_stills(path[: max(slash, 0)], profile.photos) or _is_photograph(stem, prefix, extension, profile):
        return _UNNUMBERED["image"]
    frame = int(digits)
    # A hyphen after a separator, or at the beginning, is a sign; after a letter it is part of the name.
    if prefix.endswith(b"-") and frame and prefix[-2:-1] in (b"", b".", b"_"):
        prefix, frame = prefix[:-1], -frame
    padded = width > 1 and digits[0] == 0x30
    return ClassifiedPath("image", prefix + b"\0" + path[slash + 1 + len(head) :], frame, width, padded)


def is_version_prefix(prefix: bytes) -> bool:
    """Return whether the number after this text is a version: a `v` after a separator."""
    return prefix[-1:] in (b"v", b"V") and prefix[-2:-1] in (b".", b"_", b"-", b" ")


@lru_cache(maxsize=65536)
def _holds_stills(folder: bytes, photos: str) -> bool:
    """Return whether a folder's images are photographs (DCF) or a card's own pictures, never frames."""
    if card_root(folder) is not None:
        return True
    if photos == "sequences":
        return False
    above, _, last = folder.rpartition(b"/")
    if above.rpartition(b"/")[2].upper() == b"DCIM":
        return _DCF_FOLDER.fullmatch(last) is not None
    return _DCF_MAKERS.fullmatch(last) is not None


def _is_photograph(stem: bytes, prefix: bytes, extension: bytes, profile: Profile) -> bool:
    if profile.photos == "sequences":
        return False
    if profile.photos == "stills" and extension in extensions.PHOTO_STILL_EXTENSIONS:
        return True
    if extension in extensions.RAW_STILL_EXTENSIONS:
        return True
    if extension not in extensions.PHOTO_STILL_EXTENSIONS and extension != b"png":
        return False
    if extension == b"dng" and _DCF_FILE.fullmatch(stem):
        return True
    return _PHONE_PHOTO.fullmatch(prefix) is not None
