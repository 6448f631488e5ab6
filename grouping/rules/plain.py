"""Plain videos: names that no other name in the island refers to and that refer to none, as most camera rushes.

They are separated early, by lookups alone, so that a hundred thousand unrelated clips skip the joining passes. Every
file that could matter to a pass is kept for it, so that the result is the same as without this separation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from grouping.model.items import Single
from grouping.model.names import fold_name
from grouping.model.profile import Profile
from grouping.model.tokens import NAME_SEPARATORS
from grouping.rules.attachments import HostDirectory
from grouping.rules.renditions import base_folder
from grouping.rules.tracks import track_folders

_SPLIT = bytes.maketrans(NAME_SEPARATORS + b"[](){}", b" " * (len(NAME_SEPARATORS) + 6))


def _hints(profile: Profile) -> tuple[frozenset[bytes], re.Pattern[bytes]]:
    return _compiled_hints(profile.eye_tokens, profile.rendition_tokens, profile.camera_tokens)


@lru_cache(maxsize=64)
def _compiled_hints(
    eyes: tuple[tuple[str, str], ...], renditions: tuple[str, ...], cameras_of: tuple[str, ...]
) -> tuple[frozenset[bytes], re.Pattern[bytes]]:
    """Return all words with a meaning to a pass, last halves of two-word tokens, and a pattern of camera words."""
    words = {word for pair in eyes for word in pair}
    words.update(part for word in renditions for part in re.split("[_ -]", word)[-1:])
    cameras = b"|".join(re.escape(word.encode()) for word in cameras_of)
    return frozenset(word.encode() for word in words), re.compile(cameras or rb"(?!)")


def _is_marked_folder(folder: bytes, profile: Profile) -> bool:
    """Return whether a folder name contains a rendition or eye word."""
    words = folder[folder.rfind(b"/") + 1 :].lower().translate(_SPLIT).split(b" ")
    return base_folder(folder, profile.rendition_dirs) != folder or not _hints(profile)[0].isdisjoint(words)


def split_plain_videos(
    videos: list[Single], audios: list[Single], directory: HostDirectory, profile: Profile
) -> tuple[list[Single], list[Single]]:
    """Return the videos that a pass must see, and those that only a rendition or a structure's key could refer to."""
    if not videos or profile.parts == "asset" or profile.versions == "asset":
        return videos, []
    folders = track_folders(videos, audios, profile)
    words, cameras = _hints(profile)
    marks: dict[bytes, bool] = {}
    marked: list[Single] = []
    plain: list[Single] = []
    for single in videos:
        path = single.path
        slash = path.rfind(b"/")
        name = path[slash + 1 :].lower()
        folder = path[:slash] if slash > 0 else b""
        mark = marks.get(folder)
        if mark is None:
            mark = marks[folder] = _is_marked_folder(folder, profile) or folder in folders
        if (
            mark
            or not words.isdisjoint(name.translate(_SPLIT).split(b" "))
            or cameras.search(name) is not None
            or directory.is_wanted(single)
        ):
            marked.append(single)
        else:
            plain.append(single)
    return marked, plain


def split_plain_by_key(
    plain: list[Single], called: Iterable[bytes], profile: Profile
) -> tuple[list[Single], list[Single]]:
    """Return the plain videos that share a key with each other or with a family, and the others."""
    keys = set(called)
    first_of: dict[bytes, Single] = {}
    wanted: list[Single] = []
    for single in plain:
        path = single.path
        key = fold_name(path[: path.rfind(b".")], profile)
        if key in keys:
            wanted.append(single)
        elif key in first_of:
            keys.add(key)
            wanted.extend((single, first_of.pop(key)))
        else:
            first_of[key] = single
    return wanted, list(first_of.values())
