"""Multi-camera takes: names that differ only in a camera token with two or more values."""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache

from grouping.model.names import fold_name
from grouping.model.profile import Profile
from grouping.model.units import Unit, UnitPart, join_around_token

CameraTakeKey = tuple[bytes, bytes, bytes]
"""Folder, and the name before and after the camera token."""


@lru_cache(maxsize=64)
def _camera_patterns(words: tuple[str, ...]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns for `cam A` and, where no such token occurs, `A-cam`."""
    word = b"|".join(re.escape(word.encode()) for word in sorted(words, key=len, reverse=True))
    return (
        re.compile(rb"(?<![^ ._-])(?:%s)[ ._-]?([a-z]|\d{1,3})(?![^ ._-])" % word, re.IGNORECASE),
        re.compile(rb"(?<![^ ._-])([a-z])[ _-]?(?:%s)(?![^ ._-])" % word, re.IGNORECASE),
    )


def join_cameras(units: list[Unit], profile: Profile) -> list[Unit]:
    """Return the units with the cameras of each take joined."""
    if not profile.camera_tokens:
        return units
    patterns = _camera_patterns(profile.camera_tokens)
    left: list[Unit] = []
    takes: dict[CameraTakeKey, tuple[bytes, list[tuple[str, Unit]]]] = {}
    for unit in units:
        match = None if unit.kind == "image" else _last_match(unit.stem, patterns)
        if match is None:
            left.append(unit)
            continue
        value = match[1].decode().upper()
        before, after = unit.stem[: match.start()], unit.stem[match.end() :]
        take = (unit.folder, fold_name(before, profile), fold_name(after, profile))
        stem = join_around_token(before, after)
        takes.setdefault(take, (stem, []))[1].append((value.lstrip("0") or "0", unit))
    for (folder, _, _), (stem, cameras) in takes.items():
        left.extend(_take_units(folder, stem, cameras))
    return left


def _last_match(stem: bytes, patterns: tuple[re.Pattern[bytes], ...]) -> re.Match[bytes] | None:
    for pattern in patterns:
        found = deque(pattern.finditer(stem), maxlen=1)
        if found:
            return found[0]
    return None


def _take_units(folder: bytes, stem: bytes, cameras: list[tuple[str, Unit]]) -> list[Unit]:
    """Return one unit of all cameras, or one per container if a camera has several."""
    if len({value for value, _ in cameras}) == len(cameras):
        containers = [cameras]
    else:
        by_extension: dict[bytes, list[tuple[str, Unit]]] = {}
        for value, unit in cameras:
            by_extension.setdefault(unit.extension, []).append((value, unit))
        containers = list(by_extension.values())
    made: list[Unit] = []
    for mates in containers:
        first_of: dict[str, Unit] = {}
        are_several = len({value for value, _ in mates}) > 1
        for value, unit in mates:
            if value in first_of or not are_several:
                made.append(unit)
            else:
                first_of[value] = unit
        if first_of:
            made.append(_take_unit(folder, stem, first_of))
    return made


def _take_unit(folder: bytes, stem: bytes, cameras: dict[str, Unit]) -> Unit:
    parts = [
        UnitPart(f"{value}.{part.label}" if part.label else value, *part[1:])
        for value, unit in cameras.items()
        for part in unit.parts
    ]
    units = cameras.values()
    aliases = [alias for unit in units for alias in (unit.key_path, *unit.aliases)]
    first = min(units, key=lambda unit: unit.first)
    return Unit(folder, stem, first.extension, "multi_camera", parts, first.first, "cameras by name", aliases)
