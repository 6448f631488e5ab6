"""Blocking keys: what the names of two files must share so that one can matter to the group of the other.

A file offers the keys of its own name; a caption, sound or sidecar also wants those of the names that it may refer to.
Files that share no offered key, and of which neither wants what the other offers, are grouped the same with and without
each other. So a change concerns only its block: the files that such keys connect with it, over any number of steps.

Keys are coarser than the rules: they drop every token that some rule drops, and letter case. Cards are grouped as a
whole, and so is an island with a file about all of its folder, which offers `FOLDER_WIDE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product

from grouping.model.card_table import TESLA_SIDECAR
from grouping.model.extensions import HEIF_EXTENSIONS, RAW_EXTENSIONS
from grouping.model.islands import described_folder, is_package_marker, is_paper
from grouping.model.items import NumberedBucket, Single
from grouping.model.names import ASCII_DIGITS, NON_DIGITS, ClassifiedPath, fold_name
from grouping.model.profile import Profile, TrackTokens
from grouping.model.tokens import AUDIO_CHANNEL_TOKENS
from grouping.rules.attachments import HostDirectory, strip_extension, takeout_key
from grouping.rules.camera_names import recording_of, recordings_wanted_by
from grouping.rules.captions import names_wanted_by_captions, names_wanted_by_sounds
from grouping.rules.cards import flat_clip_of, may_hold_clips
from grouping.rules.photographs import shot_key
from grouping.rules.sequences import sequence_stems
from grouping.rules.sidecars import names_wanted_by_sidecars
from grouping.rules.stereo import has_eye_word

BLOCKING_VERSION = 1
"""Increment with every change of the rules by which other names than before can meet."""

FOLDER_WIDE = b"*"
"""Offered by a file that can matter to any other of its island."""

LONG_FRAMES = b"=frames"
"""Offered by frames with names that Google Takeout cuts within the number."""

_ATTACHED_CLASSES = frozenset({"caption", "audio", "sidecar"})
_CLASSES_WITH_RECORDINGS = frozenset({"video", "image"})
_COMPANION_EXTENSIONS = RAW_EXTENSIONS | HEIF_EXTENSIONS
_STEREO_TRACK_WORDS = frozenset({b"trl", b"trlr", b"trms"})
_PART_WORDS = ("part", "pt", "cd", "disc", "disk", "dvd")

_WORD = re.compile(rb"[^ ._()\[\]{}-]+")
_SHORT_NUMBER = re.compile(rb"\d{1,3}(?:\+\d{1,3})?")


@dataclass(frozen=True, slots=True)
class BlockingKeys:
    """Keys of one file or bucket."""

    offers: frozenset[bytes]
    wants: frozenset[bytes] = frozenset()

    def stored(self) -> set[bytes]:
        """Return all keys, each with a mark that distinguishes offered from wanted ones."""
        return {b"o" + key for key in self.offers} | {b"w" + key for key in self.wants}

    def sought(self) -> set[bytes]:
        """Return the stored keys of which every file that these keys connect has at least one."""
        return {mark + key for mark in (b"o", b"w") for key in self.offers} | {b"o" + key for key in self.wants}


def blocking_keys(path: bytes, described: ClassifiedPath, profile: Profile) -> BlockingKeys:
    """Return the keys of a file that is no frame."""
    name = path[path.rfind(b"/") + 1 :]
    if is_package_marker(name) or name.lower() == TESLA_SIDECAR or is_paper(name):
        return BlockingKeys(frozenset({FOLDER_WIDE}))
    vocabulary = _vocabulary_of(profile)
    offers: set[bytes] = set()
    wants: set[bytes] = set()
    for stem in {strip_extension(name), *_makers_stems(name, described, profile)}:
        offers.update(vocabulary.keys_of(fold_name(stem, profile)))
    if described.media_class in _CLASSES_WITH_RECORDINGS and (recording := recording_of(name)):
        offers.add(_recording_key(*recording[:2]))
    for camera, recording_id, _ in recordings_wanted_by(name):
        if recording_id != strip_extension(name):
            wants.add(_recording_key(camera, recording_id))
    for cut in (takeout_key(name), takeout_key(fold_name(name, profile))):
        if cut:
            offers.add(b"=" + fold_name(cut, profile).lower())
    if described.media_class in _ATTACHED_CLASSES:
        for wanted in _names_wanted_by(Single(name, described), profile):
            wants.update(_wanted_keys(wanted, vocabulary, profile))
    elif name[name.rfind(b".") + 1 :].lower() in _COMPANION_EXTENSIONS:
        wants.update(_frame_keys(strip_extension(name), vocabulary, profile))
    return BlockingKeys(frozenset(offers), frozenset(wants - offers))


def bucket_blocking_keys(bucket: NumberedBucket, profile: Profile) -> BlockingKeys:
    """Return the keys of a bucket of frames, each of which may be a still."""
    path = bucket.folder + b"/" + bucket.prefix + b"." + bucket.suffix
    if has_eye_word(path, profile) or path[path.rfind(b".") + 1 :].lower() in _COMPANION_EXTENSIONS:
        # Two stills may be the eyes of a picture whose name is neither's; a raw or live still takes files of its stem.
        return BlockingKeys(frozenset({FOLDER_WIDE}))
    vocabulary = _vocabulary_of(profile)
    offers: set[bytes] = set()
    stems = sequence_stems(bucket.prefix, bucket.suffix)
    for stem in (*stems, bucket.key, bucket.key[: bucket.key.rfind(b".")]):
        offers.update(vocabulary.keys_of(fold_name(stem, profile)))
    if takeout_key(bucket.prefix + b"0" * 20 + bucket.suffix):
        offers.add(LONG_FRAMES)
    return BlockingKeys(frozenset(offers))


def has_blocks(folders: Iterable[bytes]) -> bool:
    """Return whether an island of these folders consists of blocks; a card is one of its own."""
    return not any(may_hold_clips(folder) or described_folder(folder) != folder for folder in folders)


def _makers_stems(name: bytes, described: ClassifiedPath, profile: Profile) -> Iterator[bytes]:
    """Yield further stems by which makers' rules know a file."""
    if b".RAW-" in name:
        yield shot_key(name, profile)
    if found := flat_clip_of(name):
        yield found[0]
    if described.media_class in _CLASSES_WITH_RECORDINGS and (recording := recording_of(name)):
        camera, recording_id, _ = recording
        yield b"3D_" + recording_id[:4] if camera == "GoPro 3D" else recording_id


def _recording_key(camera: str, recording: bytes) -> bytes:
    return b"%b:%b" % (camera.encode(), recording.lower())


def _names_wanted_by(single: Single, profile: Profile) -> Iterator[bytes]:
    """Yield the names, without a folder, that a caption, sound or sidecar may refer to."""
    singles = [single]
    # By all three rules: a caption's extension alone can be that of a sidecar.
    names = chain(
        names_wanted_by_captions(singles, profile),
        names_wanted_by_sounds(singles, profile),
        names_wanted_by_sidecars(singles, HostDirectory(profile)),
    )
    yield from dict.fromkeys(names)


def _wanted_keys(name: bytes, vocabulary: _Vocabulary, profile: Profile) -> Iterator[bytes]:
    if name.endswith(b"\0"):
        yield b"=" + fold_name(name, profile).lower()
        yield LONG_FRAMES
        return
    # By its stem too: a whole name is offered only without its extension.
    for stem in (name, strip_extension(name)):
        yield from vocabulary.keys_of(fold_name(stem, profile))
    yield from _frame_keys(name, vocabulary, profile)


def _frame_keys(name: bytes, vocabulary: _Vocabulary, profile: Profile) -> Iterator[bytes]:
    """Yield the keys of the buckets that a name could be a frame of, with its extension or without."""
    for end in {name.rfind(b"."), len(name)} - {-1}:
        head = name[:end].rstrip(NON_DIGITS)
        prefix = head.rstrip(ASCII_DIGITS)
        if prefix != head:
            yield from vocabulary.keys_of(fold_name(prefix + b"\0" + name[len(head) :], profile))


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Words of a profile that rules may drop from a name."""

    dropped: frozenset[bytes]
    numbered: frozenset[bytes]
    """Dropped words that a number may follow as a part of the token."""
    tracks: frozenset[bytes]
    """Those of them that only tracks have."""
    token: re.Pattern[bytes]
    """Dropped words that end with the number of a camera or part."""
    ambiguous: re.Pattern[bytes]
    """Words with the number of a track or version, which rules drop from some names and keep in others."""

    def keys_of(self, stem: bytes) -> Iterable[bytes]:
        """Return the keys of a stem: its words in lower case without tokens, in each way to read them."""
        words = _WORD.findall(stem.lower())
        kinds = [self._kind_of(word) for word in words]
        if words and stem.lower().startswith(words[0]):
            kinds[0] = self._kind_of_first(words[0], kinds[0])
        if kinds.count("") == len(kinds):
            return (b" ".join(words),)
        keeps = (True, False) if "ambiguous" in kinds else (True,)
        numbers = (0, 1, 2) if "numbered" in kinds or "ambiguous" in kinds else (0,)
        return {self._key(words, kinds, keep, most) for keep, most in product(keeps, numbers)}

    def _kind_of_first(self, word: bytes, kind: str) -> str:
        """Return the kind of a word that a name begins with: tracks are named behind a separator alone."""
        if kind == "numbered" and word in self.tracks:
            return "dropped"
        return "" if kind == "ambiguous" else kind

    def _kind_of(self, word: bytes) -> str:
        if word in self.numbered:
            return "numbered"
        if word in self.dropped or (len(word) == 1 and word.isalpha()):
            return "dropped"
        if self.token.fullmatch(word):
            return "dropped"
        return "ambiguous" if self.ambiguous.fullmatch(word) else ""

    def _key(self, words: list[bytes], kinds: list[str], keeps_ambiguous: bool, most_numbers: int) -> bytes:
        kept: list[bytes] = []
        left = 0
        for word, kind in zip(words, kinds, strict=True):
            if kind == "numbered" or (kind == "ambiguous" and not keeps_ambiguous):
                left = most_numbers
            elif kind == "dropped":
                continue
            elif left and _SHORT_NUMBER.fullmatch(word):
                left -= 1
            else:
                kept.append(word)
                left = 0
        return b" ".join(kept)


def _vocabulary_of(profile: Profile) -> _Vocabulary:
    return _build_vocabulary(
        profile.eye_tokens,
        profile.rendition_tokens,
        profile.camera_tokens,
        profile.track_tokens,
        profile.versions,
        profile.parts,
    )


@lru_cache(maxsize=64)
def _build_vocabulary(
    eyes: tuple[tuple[str, str], ...],
    renditions: tuple[str, ...],
    cameras: tuple[str, ...],
    tracks: TrackTokens,
    versions: str,
    parts: str,
) -> _Vocabulary:
    of_parts = _pieces(_PART_WORDS) if parts == "asset" else frozenset()
    of_tracks, of_cameras = _pieces((*tracks.video, *tracks.audio)), _pieces(cameras)
    dropped = _pieces(word for pair in eyes for word in pair) | _pieces(renditions)
    camera, part, track = (_any_of(words) for words in (of_cameras, of_parts, of_tracks))
    version = rb"|v\d{1,6}" if versions == "asset" else b""
    return _Vocabulary(
        dropped | AUDIO_CHANNEL_TOKENS | _STEREO_TRACK_WORDS,
        of_cameras | of_parts | of_tracks,
        of_tracks - of_cameras - of_parts,
        re.compile(rb"(?:%s)(?:[a-z]|\d{1,3})|[a-z](?:%s)|(?:%s)\d{1,3}" % (camera, camera, part)),
        re.compile(rb"(?:%s)\d{1,3}(?:\+\d{1,3})?%s" % (track, version)),
    )


def _any_of(words: Iterable[bytes]) -> bytes:
    return b"|".join(re.escape(word) for word in sorted(words)) or rb"(?!)"


def _pieces(tokens: Iterable[str]) -> frozenset[bytes]:
    """Return the words that tokens consist of, in lower case: `low_res` is two."""
    return frozenset(piece for token in tokens for piece in _WORD.findall(token.lower().encode()))
