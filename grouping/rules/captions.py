"""Captions and external sound: files that begin with their host's stem and form one format with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grouping.model.extensions import CAPTION_PAIR_EXTENSIONS
from grouping.model.items import Single, folder_of
from grouping.model.languages import CaptionWords, parse_caption_words
from grouping.model.names import fold_name
from grouping.model.plan import ComponentPlan
from grouping.model.profile import Profile
from grouping.model.units import Unit, UnitPart
from grouping.rules.attachments import STILL_KINDS, HostDirectory, candidate_names, strip_extension
from grouping.rules.renditions import base_folder

CaptionFiles = tuple[Single, ...]
"""Files of one caption: a single file, or an index with its pictures."""

_XDCAM_EX_METADATA = re.compile(rb"(.+)(?:M01\.XML|R01\.BIM|I01\.PPN)", re.IGNORECASE | re.DOTALL)


def split_unpaired_indexes(captions: list[Single], sidecars: list[Single]) -> tuple[list[Single], list[Single]]:
    """Return the captions, and the files with a caption's extension that are sidecars of their clip instead.

    An index needs the pictures of its `.sub`, and `.smi` beside the metadata of an XDCAM EX clip is its index.
    """
    stems = {strip_extension(single.path) for single in captions if single.path[-4:].lower() == b".sub"}
    clips = {match[1] for single in sidecars if (match := _XDCAM_EX_METADATA.fullmatch(single.path))}

    def is_index(single: Single) -> bool:
        extension = single.path[-4:].lower()
        if extension == b".idx":
            return single.path[:-4] not in stems
        return extension == b".smi" and single.path[:-4] in clips

    indexes = [single for single in captions if is_index(single)]
    return ([single for single in captions if not is_index(single)], indexes) if indexes else (captions, indexes)


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
        path = directory.fold(caption[0].path)
        found = directory.find(strip_extension(path), caption_host_folders(path, profile))
        if found is None or found[1].kind in STILL_KINDS:
            waiting.append(caption)
            continue
        _, unit, count = found
        words = _words_behind(caption[0], count)
        unit.widen("captioned_video", "captions by name", [UnitPart(words.label, caption, _caption_component(words))])
    return waiting


def _caption_component(words: CaptionWords) -> ComponentPlan:
    return ComponentPlan("TEXT", words.title or "captions", words.language, words.flags)


def attach_sounds(audios: list[Single], directory: HostDirectory, profile: Profile) -> list[Single]:
    """Attach each external sound to the host it names; return those without a host."""
    left: list[Single] = []
    for single in audios:
        path = directory.fold(single.path)
        found = directory.find(strip_extension(path), (folder_of(path),))
        if found is None or found[1].kind in STILL_KINDS:
            left.append(single)
            continue
        _, unit, count = found
        _add_sound(unit, single, _words_behind(single, count))
    return left


def _words_behind(single: Single, count: int) -> CaptionWords:
    """Parse the last words of a name, in the spelling of the file."""
    return parse_caption_words(b".".join(strip_extension(single.path).rsplit(b".", count)[1:]))


def _add_sound(unit: Unit, single: Single, words: CaptionWords) -> None:
    component = ComponentPlan("AUDIO", words.title or "audio", words.language)
    unit.widen("separate_tracks", "sound by name", [UnitPart(words.label or "audio", (single,), component)])


def names_wanted_by_captions(captions: list[Single], profile: Profile) -> Iterator[bytes]:
    """Yield the folded names that `attach_captions` will look up."""
    for single in captions:
        path = fold_name(single.path, profile)
        for name, _ in candidate_names(strip_extension(path), caption_host_folders(path, profile), profile):
            yield name


def names_wanted_by_sounds(audios: list[Single], profile: Profile) -> Iterator[bytes]:
    """Yield the folded names that `attach_sounds` will look up."""
    for single in audios:
        path = fold_name(single.path, profile)
        for name, _ in candidate_names(strip_extension(path), (folder_of(path),), profile):
            yield name


def caption_host_folders(path: bytes, profile: Profile) -> tuple[bytes, ...]:
    """Return the folders of possible hosts: the caption's own folder, and the one above its caption folder."""
    folder = folder_of(path)
    above = base_folder(folder, profile.caption_dirs)
    return (folder,) if above == folder else (folder, above)
