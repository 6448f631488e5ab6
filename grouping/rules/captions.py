"""Captions and external sound: files that begin with their host's stem and form one format with it."""

from __future__ import annotations

from collections.abc import Iterator

from grouping.model.extensions import CAPTION_PAIR_EXTENSIONS
from grouping.model.items import Single, folder_of
from grouping.model.languages import CaptionWords, parse_caption_words
from grouping.model.plan import ComponentPlan
from grouping.model.profile import Profile
from grouping.model.units import Unit, UnitPart
from grouping.rules.attachments import HostDirectory, candidate_names, strip_extension
from grouping.rules.renditions import base_folder

CaptionFiles = tuple[Single, ...]
"""Files of one caption: a single file, or an index with its pictures."""


def pair_caption_files(captions: list[Single]) -> list[CaptionFiles]:
    """Return captions, with `.idx` and `.sub` of one stem paired."""
    pairs: dict[bytes, list[Single]] = {}
    found: list[CaptionFiles] = []
    for single in captions:
        stem = strip_extension(single.path)
        if single.path[len(stem) + 1 :].lower() in CAPTION_PAIR_EXTENSIONS:
            pairs.setdefault(stem, []).append(single)
        else:
            found.append((single,))
    for mates in pairs.values():
        if len({mate.path[-3:].lower() for mate in mates}) == len(mates):
            found.append(tuple(mates))
        else:
            found.extend((mate,) for mate in mates)
    return found


def attach_captions(captions: list[Single], directory: HostDirectory, profile: Profile) -> list[CaptionFiles]:
    """Attach each caption to the host it names; return those without a host."""
    waiting: list[CaptionFiles] = []
    for caption in pair_caption_files(captions):
        path = caption[0].path
        found = directory.find(strip_extension(path), caption_host_folders(path, profile))
        if found is None or found[1].kind == "image":
            waiting.append(caption)
            continue
        _, unit, behind = found
        words = parse_caption_words(behind)
        unit.widen("captioned_video", "captions by name", [UnitPart(words.label, caption, _caption_component(words))])
    return waiting


def _caption_component(words: CaptionWords) -> ComponentPlan:
    return ComponentPlan("TEXT", words.title or "captions", words.language, words.flags)


def attach_sounds(audios: list[Single], directory: HostDirectory, profile: Profile) -> list[Single]:
    """Attach each external sound to the host it names; return those without a host."""
    left: list[Single] = []
    for single in audios:
        found = directory.find(strip_extension(single.path), (folder_of(single.path),))
        if found is None or found[1].kind == "image":
            left.append(single)
            continue
        _, unit, behind = found
        _add_sound(unit, single, behind)
    return left


def _add_sound(unit: Unit, single: Single, behind: bytes) -> None:
    words = parse_caption_words(behind)
    component = ComponentPlan("AUDIO", words.title or "audio", words.language)
    unit.widen("separate_tracks", "sound by name", [UnitPart(words.label or "audio", (single,), component)])


def names_wanted_by_captions(captions: list[Single], profile: Profile) -> Iterator[bytes]:
    """Yield the names that `attach_captions` will look up."""
    for single in captions:
        for name, _ in candidate_names(strip_extension(single.path), caption_host_folders(single.path, profile)):
            yield name


def names_wanted_by_sounds(audios: list[Single]) -> Iterator[bytes]:
    """Yield the names that `attach_sounds` will look up."""
    for single in audios:
        for name, _ in candidate_names(strip_extension(single.path), (folder_of(single.path),)):
            yield name


def caption_host_folders(path: bytes, profile: Profile) -> tuple[bytes, ...]:
    """Return the folders of possible hosts: the caption's own folder, and the one above its caption folder."""
    folder = folder_of(path)
    above = base_folder(folder, profile.caption_dirs)
    return (folder,) if above == folder else (folder, above)
