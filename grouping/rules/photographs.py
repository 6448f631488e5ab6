"""Photographs of one stem in one folder: a raw still with its camera JPEG, and the still and motion of a live photo."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grouping.model.extensions import (
    HEIF_EXTENSIONS,
    JPEG_EXTENSIONS,
    LIVE_EXTENSIONS,
    RAW_COMPANION_EXTENSIONS,
    RAW_EXTENSIONS,
)
from grouping.model.items import Single
from grouping.model.names import fold_name
from grouping.model.profile import Profile
from grouping.model.units import IMAGE_COMPONENT, VIDEO_COMPONENT, Host, Unit, UnitPart, single_unit

_PIXEL_PART = re.compile(rb"\.RAW-\d\d(?:\.MP)?\.(?:COVER|ORIGINAL)\Z")
"""Pixel phones write `PXL_x.RAW-01.COVER.jpg` and `PXL_x.RAW-02.ORIGINAL.dng`."""
_PHONE_NAME = re.compile(
    rb"(?:IMG_E?\d{4,5}(?: ?\(\d+\))?|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})\.mov", re.IGNORECASE
)
"""Names of the motion of live photos; other movies beside a picture of their stem are works of their own."""


@dataclass(slots=True)
class _Shot:
    """Pictures of one stem, and the movie of a live photo."""

    raws: list[Single] = field(default_factory=list)
    stills: list[Single] = field(default_factory=list)
    others: list[Single] = field(default_factory=list)
    motion: Single | None = None


def join_photographs(
    images: list[Single], videos: list[Single], profile: Profile
) -> tuple[list[Host], list[Single], list[Single]]:
    """Return the photographs of several files as hosts, and the other images and videos."""
    if not images:
        return [], images, videos
    firsts: list[tuple[bytes, Single]] = []
    companions: list[tuple[bytes, Single]] = []
    for single in images:
        extension = single.path[single.path.rfind(b".") + 1 :].lower()
        if extension in RAW_EXTENSIONS or extension in HEIF_EXTENSIONS:
            firsts.append((extension, single))
        elif extension in RAW_COMPANION_EXTENSIONS:
            companions.append((extension, single))
    extensions = {extension for extension, _ in firsts}
    has_stills = not extensions.isdisjoint(LIVE_EXTENSIONS)
    motions = [single for single in videos if _PHONE_NAME.fullmatch(single.name)] if has_stills else []
    if not firsts or not (companions or motions or len(extensions) > 1):
        return [], images, videos
    shots: dict[bytes, _Shot] = {}
    live_keys: set[bytes] = set()
    for extension, single in firsts:
        key = shot_key(single.path, profile)
        shot = shots.setdefault(key, _Shot())
        (shot.raws if extension in RAW_EXTENSIONS else shot.stills).append(single)
        if extension in LIVE_EXTENSIONS:
            live_keys.add(key)
    for single in motions:
        key = shot_key(single.path, profile)
        if key in live_keys and shots[key].motion is None:
            shots[key].motion = single
    for extension, single in companions:
        of_shot = shots.get(shot_key(single.path, profile))
        if of_shot is not None and (of_shot.raws or (of_shot.motion is not None and extension in JPEG_EXTENSIONS)):
            of_shot.others.append(single)
    hosts = [host for host in map(_host_of_shot, shots.values()) if host is not None]
    taken = {
        member.path
        for host in hosts
        for unit in (host.original, *host.transcodes)
        for part in unit.parts
        for member in part.members
        if isinstance(member, Single)
    }
    if not hosts:
        return [], images, videos
    return hosts, [each for each in images if each.path not in taken], [v for v in videos if v.path not in taken]


def shot_key(path: bytes, profile: Profile) -> bytes:
    """Return the key that the pictures of one photograph share."""
    key = path[: path.rfind(b".")]
    if b".RAW-" in key:
        key = _PIXEL_PART.sub(b"", key)
    return fold_name(key, profile)


def _host_of_shot(shot: _Shot) -> Host | None:
    """Return the asset of a shot, or None for pictures that stay apart."""
    if shot.motion is None and len(shot.raws) + (len(shot.stills) + len(shot.others) if shot.raws else 0) < 2:
        return None
    # A DNG beside another raw is its conversion.
    raws = sorted(shot.raws, key=lambda single: (single.path[-4:].lower() == b".dng", single.path))
    stills = sorted(shot.stills, key=lambda single: single.path)
    units = [single_unit(single, "raw still with its pictures") for single in raws]
    if shot.motion is not None:
        units.append(_live_unit(stills.pop(0), shot.motion))
    if raws:
        units.extend(single_unit(single, "picture of a raw still") for single in stills)
    units.extend(single_unit(single, "picture of one photograph") for single in shot.others)
    original, *transcodes = units
    stem = original.stem
    return Host(original, original.rule, transcodes, title=_PIXEL_PART.sub(b"", stem) if b".RAW-" in stem else None)


def _live_unit(still: Single, motion: Single) -> Unit:
    unit = single_unit(still, "live photo")
    unit.kind = "live_photo"
    unit.parts = [UnitPart("still", (still,), IMAGE_COMPONENT), UnitPart("motion", (motion,), VIDEO_COMPONENT)]
    return unit
