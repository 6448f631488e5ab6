"""Captions and external sound: files that begin with their host's stem and form one format with it."""

from __future__ import annotations

from collections.abc import Iterator

from watch.grouping.attachments import Directory, asked_names, without_extension
from watch.grouping.extensions import CAPTION_PAIRS
from watch.grouping.items import Single, folder_of
from watch.grouping.languages import CaptionWords, read_words
from watch.grouping.plan import ComponentPlan
from watch.grouping.profile import Profile
from watch.grouping.renditions import base_folder
from watch.grouping.units import Part, Unit

Caption = tuple[Single, ...]
"""Files of one caption: a single file, or an index with its pictures."""


def pair_up(captions: list[Single]) -> list[Caption]:
    """Return captions, with `.idx` and `.sub` of one stem paired."""
    pairs: dict[bytes, list[Single]] = {}
    found: list[Caption] = []
    for single in captions:
        stem = without_extension(single.path)
        if single.path[len(stem) + 1 :].lower() in CAPTION_PAIRS:
            pairs.setdefault(stem, []).append(single)
        else:
            found.append((single,))
    for mates in pairs.values():
        if len({mate.path[-3:].lower() for mate in mates}) == len(mates):
            found.append(tuple(mates))
        else:
            found.extend((mate,) for mate in mates)
    return found


def attach_captions(captions: list[Single], directory: Directory, profile: Profile) -> list[Caption]:
    """Attach each caption to the host it names; return those without a host."""
    waiting: list[Caption] = []
    for caption in pair_up(captions):
        path = caption[0].path
        found = directory.find(without_extension(path), folders_for(path, profile))
        if found is None or found[1].kind == "image":
            waiting.append(caption)
            continue
        _, unit, behind = found
        words = read_words(behind)
        unit.widen("captioned_video", "captions by name", [Part(words.label, caption, _component(words))])
    return waiting


def _component(words: CaptionWords) -> ComponentPlan:
    return ComponentPlan("TEXT", words.title or "captions", words.language, words.flags)


def attach_sounds(audios: list[Single], directory: Directory, profile: Profile) -> list[Single]:
    """Attach each external sound to the host it names; return those without a host."""
    left: list[Single] = []
    for single in audios:
        found = directory.find(without_extension(single.path), (folder_of(single.path),))
        if found is None or found[1].kind == "image":
            left.append(single)
            continue
        _, unit, behind = found
        _add_sound(unit, single, behind)
    return left


def _add_sound(unit: Unit, single: Single, behind: bytes) -> None:
    words = read_words(behind)
    component = ComponentPlan("AUDIO", words.title or "audio", words.language)
    unit.widen("separate_tracks", "sound by name", [Part(words.label or "audio", (single,), component)])


def names_asked_by_captions(captions: list[Single], profile: Profile) -> Iterator[bytes]:
    """Yield the names that `attach_captions` will look up."""
    for single in captions:
        for name, _ in asked_names(without_extension(single.path), folders_for(single.path, profile)):
            yield name


def names_asked_by_sounds(audios: list[Single]) -> Iterator[bytes]:
    """Yield the names that `attach_sounds` will look up."""
    for single in audios:
        for name, _ in asked_names(without_extension(single.path), (folder_of(single.path),)):
            yield name


def folders_for(path: bytes, profile: Profile) -> tuple[bytes, ...]:
    """Return the folders of possible hosts: the caption's own folder, and the one above its caption folder."""
    folder = folder_of(path)
    above = base_folder(folder, profile.caption_dirs)
    return (folder,) if above == folder else (folder, above)
