"""Videos that nothing in their island names and that name nothing: most of a folder of rushes.

They are told apart early, by look-ups alone, so that a hundred thousand unrelated clips never enter the joining
passes. Whoever could matter to any pass is kept for it; the passes then decide as if nobody had been left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from watch.grouping.attachments import Directory, without_extension
from watch.grouping.cameras import may_be_camera
from watch.grouping.items import Single
from watch.grouping.profile import Profile
from watch.grouping.renditions import fold, has_rendition_mark
from watch.grouping.stereo import may_be_eye
from watch.grouping.tracks import is_picture_track, track_names


def split_plain(
    videos: list[Single], audios: list[Single], directory: Directory, profile: Profile
) -> tuple[list[Single], list[Single]]:
    """The videos that some pass must see, and those that only a rendition or a structure's key could still call."""
    if profile.parts == "asset" or profile.versions == "asset":
        return videos, []
    bases, folders = track_names(videos, audios, profile)
    marked: list[Single] = []
    plain: list[Single] = []
    for single in videos:
        path = single.path
        if (
            may_be_eye(path, profile)
            or may_be_camera(path, profile)
            or has_rendition_mark(single, profile)
            or directory.wants(single)
            or (folders and (without_extension(path) in bases or single.folder in folders))
            or (folders and is_picture_track(single, profile))
        ):
            marked.append(single)
        else:
            plain.append(single)
    return marked, plain


def split_called(plain: list[Single], called: Iterable[bytes], profile: Profile) -> tuple[list[Single], list[Single]]:
    """The plain videos that share a key with one another or with somebody's family, and those that stand alone."""
    keys = set(called)
    first_of: dict[bytes, Single] = {}
    wanted: list[Single] = []
    for single in plain:
        key = fold(without_extension(single.path), profile)
        if key in keys:
            wanted.append(single)
        elif key in first_of:
            keys.add(key)
            wanted.extend((single, first_of.pop(key)))
        else:
            first_of[key] = single
    return wanted, list(first_of.values())
