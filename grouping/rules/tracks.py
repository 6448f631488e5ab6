"""Separate tracks: `news_V1`, `news_A1`, `news_A2` on a common base, with one picture and one sound or more.

Without a sound track `_v1` is a version and is left alone. The picture may have no token: a host with the name of the
base takes the sound tracks.
"""

from __future__ import annotations

import re
from functools import lru_cache

from grouping.model.extensions import AUDIO_ESSENCE_EXTENSIONS
from grouping.model.items import Single, path_in_folder
from grouping.model.names import fold_name
from grouping.model.profile import Profile, TrackTokens
from grouping.model.tokens import AUDIO_CHANNEL_TOKENS
from grouping.model.units import AUDIO_COMPONENT, Unit, UnitPart, single_unit


@lru_cache(maxsize=64)
def _track_patterns(words: TrackTokens) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    def alternatives(tokens: tuple[str, ...]) -> bytes:
        return b"|".join(re.escape(token.encode()) for token in sorted(tokens, reverse=True))

    channels = b"|".join(sorted(AUDIO_CHANNEL_TOKENS, reverse=True))
    video = rb"[ ._-]((?:%s)[ _-]?\d{1,3})\Z" % alternatives(words.video)
    # `Tr1_2` and `TrLR` are stereo files of a recorder's tracks.
    number = rb"[ _-]?\d{1,3}(?:[_+-]\d{1,3})?"
    audio = rb"[ ._-]((?:%s)%s|tr(?:l_?r|ms)|%s)\Z" % (alternatives(words.audio), number, channels)
    return re.compile(video, re.IGNORECASE), re.compile(audio, re.IGNORECASE)


def join_tracks(units: list[Unit], audios: list[Single], profile: Profile) -> tuple[list[Unit], list[Single]]:
    """Return the units with separate tracks joined, and the audio files that are not tracks."""
    video_token, audio_token = _track_patterns(profile.track_tokens)
    sounds: LabelledTracks = {}
    origins: dict[int, Single] = {}
    for single in audios:
        if audio_token.search(single.path, max(0, len(single.path) - 64), single.path.rfind(b".")):
            unit = single_unit(single)
            base, label = _base(unit, audio_token, profile)
            origins[id(unit)] = single
            sounds.setdefault(base, []).append((label, unit))
    essence = [
        unit
        for unit in units
        if unit.kind == "single" and unit.extension in AUDIO_ESSENCE_EXTENSIONS and audio_token.search(unit.stem)
    ]
    for unit in essence:
        base, label = _base(unit, audio_token, profile)
        if label[-1:].isdigit():
            sounds.setdefault(base, []).append((label, unit))
    if not sounds:
        return units, audios
    return _merge_tracks(units, audios, sounds, origins, video_token, profile)


def track_folders(videos: list[Single], audios: list[Single], profile: Profile) -> set[bytes]:
    """Return the folders with a sound track that could need a picture."""
    _, token = _track_patterns(profile.track_tokens)
    sounds = [*audios, *(single for single in videos if single.path[-3:].lower() in AUDIO_ESSENCE_EXTENSIONS)]
    return {
        single.folder
        for single in sounds
        if token.search(single.path, max(0, len(single.path) - 64), max(single.path.rfind(b"."), 0))
    }


def _base(unit: Unit, token: re.Pattern[bytes], profile: Profile) -> tuple[bytes, str]:
    match = token.search(unit.stem)
    if match is None:
        return b"", ""
    label = re.sub(rb"(?<!\d)[ _-]", b"", match[1]).decode("ascii").upper()
    return fold_name(path_in_folder(unit.folder, unit.stem[: match.start()]), profile), label


LabelledTracks = dict[bytes, list[tuple[str, Unit]]]
"""Tracks with their labels, by base."""


def _pictures(
    units: list[Unit], sounds: LabelledTracks, video_token: re.Pattern[bytes], profile: Profile
) -> tuple[LabelledTracks, dict[bytes, list[Unit]]]:
    """Return the picture tracks on bases that have sound, and the hosts named like such a base."""
    pictures: LabelledTracks = {}
    bare: dict[bytes, list[Unit]] = {}
    # By identity: units are mutable and compare by identity (eq=False).
    used_as_sound = {id(unit) for mates in sounds.values() for _, unit in mates}
    for unit in units:
        if unit.kind == "image" or id(unit) in used_as_sound:
            continue
        key = fold_name(unit.key_path, profile)
        if key in sounds:
            bare.setdefault(key, []).append(unit)
        if video_token.search(unit.stem):
            base, label = _base(unit, video_token, profile)
            if base in sounds:
                pictures.setdefault(base, []).append((label, unit))
    return pictures, bare


def _merge_tracks(
    units: list[Unit],
    audios: list[Single],
    sounds: LabelledTracks,
    origins: dict[int, Single],
    video_token: re.Pattern[bytes],
    profile: Profile,
) -> tuple[list[Unit], list[Single]]:
    pictures, bare = _pictures(units, sounds, video_token, profile)
    gone: set[int] = set()
    heard: set[bytes] = set()
    made: list[Unit] = []
    for base, mates in sounds.items():
        if base in pictures:
            unit, taken = _track_unit(pictures[base], video_token)
            gone.update(taken)
            made.append(unit)
        else:
            free = [unit for unit in bare.get(base, ()) if id(unit) not in gone]
            if not free:
                continue
            unit = min(free, key=lambda unit: (not unit.is_structural, unit.first))
        parts = [UnitPart(label, part.members, AUDIO_COMPONENT) for label, sound in mates for part in sound.parts]
        unit.widen("separate_tracks", "tracks by name", parts)
        unit.aliases.extend(sound.key_path for _, sound in mates)
        gone.update(id(sound) for _, sound in mates)
        heard.update(sound.first for _, sound in mates if id(sound) in origins)
    left = [unit for unit in units if id(unit) not in gone] + made
    return left, [single for single in audios if single.path not in heard]


def _track_unit(pictures: list[tuple[str, Unit]], video_token: re.Pattern[bytes]) -> tuple[Unit, list[int]]:
    """Return one unit of all picture tracks; a second file of a track in another container stays separate."""
    chosen: dict[str, Unit] = {}
    for label, unit in pictures:
        chosen.setdefault(label, unit)
    units = list(chosen.values())
    first = units[0]
    parts = [
        UnitPart(f"{label}.{part.label}" if part.label else label, *part[1:])
        for label, unit in chosen.items()
        for part in unit.parts
    ]
    stem = video_token.sub(b"", first.stem)
    kind = first.kind if first.is_structural and len(units) == 1 else "separate_tracks"
    aliases = [alias for unit in units for alias in (unit.key_path, *unit.aliases)]
    smallest = min(unit.first for unit in units)
    made = Unit(first.folder, stem, first.extension, kind, parts, smallest, "tracks by name", aliases)
    return made, [id(unit) for unit in units]
