"""Stereo pairs: two units with names equal but for the eye, in one folder or in two view folders.

Both eyes are required. The last eye word of a name counts, so that `left_bank_R` is a right eye. A name that marks both
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache

from grouping.model.names import fold_name
from grouping.model.profile import Profile
from grouping.model.tokens import FRAME_PACKED_TOKENS
from grouping.model.units import Unit, UnitPart, join_around_token

EyeKey = tuple[object, ...]
Eye = tuple[EyeKey, int, bytes, bytes]
"""Key that both eyes share, side (0 left, 1 right), folder and stem of the pair."""


@lru_cache(maxsize=64)
def _eye_words(pairs: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[bytes], dict[bytes, tuple[int, int]]]:
    sides = {word.encode(): (index, side) for index, pair in enumerate(pairs) for side, word in enumerate(pair)}
    words = b"|".join(re.escape(word) for word in sorted(sides, key=len, reverse=True))
    return re.compile(rb"(?<![^ ._-])(?:%s)(?![^ ._-])" % words, re.IGNORECASE), sides


@lru_cache(maxsize=64)
def _eye_anywhere(pairs: tuple[tuple[str, str], ...]) -> re.Pattern[bytes]:
    words = b"|".join(re.escape(word.encode()) for pair in pairs for word in pair)
    return re.compile(rb"(?<![^ ._/-])(?:%s)(?![^ ._/-])" % words, re.IGNORECASE)


def has_eye_word(path: bytes, profile: Profile) -> bool:
    """Return whether a path contains an eye word; a cheap test that excludes most paths."""
    return bool(profile.eye_tokens) and _eye_anywhere(profile.eye_tokens).search(path) is not None


def pair_eyes(units: list[Unit], profile: Profile) -> list[Unit]:
    """Return the units with each pair of eyes joined."""
    if not profile.eye_tokens:
        return units
    pattern, sides = _eye_words(profile.eye_tokens)

    def by_name(unit: Unit) -> Eye | None:
        return _eye_in_name(unit, pattern, sides, profile)

    def by_folder(unit: Unit) -> Eye | None:
        return _eye_in_folder(unit, pattern, sides, profile)

    return _pair(_pair(units, by_name, "eyes by name"), by_folder, "eyes by folder")


def _pair(units: list[Unit], eye_of: Callable[[Unit], Eye | None], rule: str) -> list[Unit]:
    left: list[Unit] = []
    sides: dict[EyeKey, tuple[list[Unit], list[Unit]]] = {}
    places: dict[EyeKey, tuple[bytes, bytes]] = {}
    for unit in units:
        eye = eye_of(unit) if unit.kind != "stereoscopic" else None
        if eye is None:
            left.append(unit)
        else:
            key, side, folder, stem = eye
            places.setdefault(key, (folder, stem))
            sides.setdefault(key, ([], []))[side].append(unit)
    for key, (lefts, rights) in sides.items():
        pairs = min(len(lefts), len(rights))
        left.extend(lefts[pairs:] + rights[pairs:])
        for one, other in zip(lefts[:pairs], rights[:pairs], strict=True):
            left.append(_pair_unit(one, other, *places[key], rule))
    return left


def _pair_unit(left: Unit, right: Unit, folder: bytes, stem: bytes, rule: str) -> Unit:
    parts = [UnitPart("left", *part[1:]) for part in left.parts] + [
        UnitPart("right", *part[1:]) for part in right.parts
    ]
    aliases = [left.key_path, right.key_path]
    return Unit(folder, stem, left.extension, "stereoscopic", parts, min(left.first, right.first), rule, aliases)


def _eye_in_name(
    unit: Unit, pattern: re.Pattern[bytes], sides: dict[bytes, tuple[int, int]], profile: Profile
) -> Eye | None:
    found = deque(pattern.finditer(unit.stem), maxlen=1)
    if not found or not FRAME_PACKED_TOKENS.isdisjoint(re.split(rb"[ ._-]", unit.stem.lower())):
        return None
    match = found[0]
    pair, side = sides[match[0].lower()]
    before, after = unit.stem[: match.start()], unit.stem[match.end() :]
    return (
        (unit.folder, fold_name(before, profile), fold_name(after, profile), unit.extension, unit.kind, pair),
        side,
        unit.folder,
        join_around_token(before, after),
    )


def _eye_in_folder(
    unit: Unit, pattern: re.Pattern[bytes], sides: dict[bytes, tuple[int, int]], profile: Profile
) -> Eye | None:
    above, _, view = unit.folder.rpartition(b"/")
    found = deque(pattern.finditer(view), maxlen=1)
    if not found:
        return None
    match = found[0]
    pair, side = sides[match[0].lower()]
    stem = unit.stem
    named = _eye_in_name(unit, pattern, sides, profile)
    if named is not None and named[1] == side:
        stem = named[3]
    around = (view[: match.start()], view[match.end() :])
    return (above, around, fold_name(stem, profile), unit.extension, unit.kind, pair), side, above, stem
