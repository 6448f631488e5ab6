"""Classification of one path: its media class, and whether it could be a frame of a numbered set.

This first stage runs once per file and its result is stored with the file's row, so it depends only on the path and the
profile. Whether a candidate is really a frame is decided on its whole bucket, never here.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from grouping.model import extensions
from grouping.model.frames import MAX_FRAME_NUMBER
from grouping.model.photo_names import holds_stills, is_photograph_name
from grouping.model.profile import DEFAULT_PROFILE, Profile

MAX_FRAME_DIGITS = 19
"""Digits of a 64-bit number, the widest that a stored frame can have."""

ASCII_DIGITS = b"0123456789"
NON_DIGITS = bytes(sorted(set(range(256)) - set(ASCII_DIGITS)))


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
_SIDECAR_PATH = _UNNUMBERED["sidecar"]


def classify_path(path: bytes, profile: Profile = DEFAULT_PROFILE) -> ClassifiedPath:
    """Classify one path, relative to its storage's root."""
    slash = path.rfind(b"/")
    dot = path.rfind(b".")
    if dot <= slash + 1:
        return _SIDECAR_PATH if extensions.CHECKSUM_LIST_NAMES.fullmatch(path, slash + 1) else OTHER_PATH
    media_class = profile.class_of.get(path[dot + 1 :].lower(), "other")
    if media_class == "document" and extensions.CHECKSUM_LIST_NAMES.fullmatch(path, slash + 1):
        return _SIDECAR_PATH
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
    if _is_photograph(path[: max(slash, 0)], stem, prefix, width, path[dot + 1 :].lower(), profile.photos):
        return _UNNUMBERED["image"]
    frame = int(digits)
    if frame > MAX_FRAME_NUMBER:
        return _UNNUMBERED["image"]
    # A hyphen after a separator, or at the beginning, is a sign; after a letter it is part of the name.
    if prefix.endswith(b"-") and frame and prefix[-2:-1] in (b"", b".", b"_"):
        prefix, frame = prefix[:-1], -frame
    padded = width > 1 and digits[0] == 0x30
    return ClassifiedPath("image", prefix + b"\0" + path[slash + 1 + len(head) :], frame, width, padded)


def is_version_prefix(prefix: bytes) -> bool:
    """Return whether the number after this text is a version: a `v` after a separator."""
    return prefix[-1:] in (b"v", b"V") and prefix[-2:-1] in (b".", b"_", b"-", b" ")


def _is_photograph(folder: bytes, stem: bytes, prefix: bytes, width: int, extension: bytes, photos: str) -> bool:
    if holds_stills(folder, photos):
        return True
    if photos == "sequences":
        return False
    if photos == "stills" and extension in extensions.PHOTO_STILL_EXTENSIONS:
        return True
    return is_photograph_name(folder, stem, prefix, width, extension)


def fold_name(key: bytes, profile: Profile) -> bytes:
    """Return a key in the one spelling by which names meet: composed (NFC), and in lower case if the profile says so.

    A Mac decomposes the names that it writes, other systems compose them.
    """
    if not key.isascii():
        text = unicodedata.normalize("NFC", key.decode("utf-8", "surrogateescape"))
        key = text.encode("utf-8", "surrogateescape")
    return key if profile.case_sensitive else key.lower()
