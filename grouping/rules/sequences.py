"""Numbered images: split buckets into sequences and stills.

Widths are decided on the whole bucket, so that the result does not depend on the order of arrival. Leading zeros define
the padding; a number as wide as a padded one belongs to it; remaining numbers are unpadded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce

from grouping.model.extensions import RAW_COMPANION_EXTENSIONS, RAW_EXTENSIONS
from grouping.model.frames import EMPTY_FRAMES, MAX_FRAME_NUMBER, MIN_FRAME_NUMBER, Frames
from grouping.model.items import NumberedBucket, Single, folder_of
from grouping.model.names import ASCII_DIGITS, NON_DIGITS, ClassifiedPath, classify_path, fold_name
from grouping.model.plan import FrameSequence
from grouping.model.profile import Profile
from grouping.model.tokens import NAME_SEPARATORS
from grouping.model.units import FRAMES_COMPONENT, Unit, UnitPart

_MAIN_FRAME = re.compile(rb"\.(-?)(\d+)\.\Z")

MIN_SUBFRAME_MAIN_DIGITS = 3
"""`fx.0001.25` has sub-frames; `Screenshot 12.34.56` has not."""
MAX_SUBFRAMES = 10
"""Most parts of one frame."""

EmptyFrameNames = dict[tuple[bytes, bytes], list[tuple[int, int]]]
"""(padding, frame) of zero-byte files, by (folder, bucket key)."""


def bucket_empty_frames(paths: Iterable[bytes], profile: Profile) -> EmptyFrameNames:
    """Return zero-byte names that could be frames, by bucket."""
    found: EmptyFrameNames = {}
    for path in sorted(set(paths)):
        described = classify_path(path, profile)
        if described.bucket is not None and described.frame is not None:
            place = (folder_of(path), described.bucket)
            found.setdefault(place, []).append((described.padding, described.frame))
    return found


def exclude_raw_companions(
    buckets: list[NumberedBucket], images: list[Single], profile: Profile
) -> tuple[list[NumberedBucket], list[Single]]:
    """Return the buckets that may be sequences, and pictures numbered like RAW stills beside them, which are stills."""
    if not buckets or profile.photos == "sequences":
        return buckets, []
    numbers = {name for name in map(_raw_number, images) if name is not None}
    if not numbers:
        return buckets, []
    left: list[NumberedBucket] = []
    photographs: list[Single] = []
    for bucket in buckets:
        name, _, extension = bucket.key.rpartition(b".")
        if extension.lower() in RAW_COMPANION_EXTENSIONS and (bucket.folder, name) in numbers:
            photographs.extend(bucket_stills(bucket))
        else:
            left.append(bucket)
    return left, photographs


def bucket_stills(bucket: NumberedBucket) -> Iterable[Single]:
    """Return the names of a bucket as single files."""
    return _stills(FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, *run) for run in bucket.runs)


def _raw_number(single: Single) -> tuple[bytes, bytes] | None:
    """Return folder and numberless name of a RAW still, in the form of a bucket's key."""
    stem, _, extension = single.name.rpartition(b".")
    if extension.lower() not in RAW_EXTENSIONS:
        return None
    head = stem.rstrip(NON_DIGITS)
    return single.folder, head.rstrip(ASCII_DIGITS) + b"\0" + stem[len(head) :]


def find_sequences(
    buckets: list[NumberedBucket], profile: Profile, empties: EmptyFrameNames
) -> tuple[list[Unit], list[Single]]:
    """Return the sequences of an island, and the numbered names that are stills."""
    units: list[Unit] = []
    stills: list[Single] = []
    rest = buckets
    if profile.subframes:
        units, rest = _find_subframes(buckets)
    gathered: dict[tuple[bytes, bytes, int], list[FrameSequence]] = {}
    for bucket in rest:
        sets = split_by_padding(bucket.runs)
        for padding, frames in sets:
            sequence = FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, padding, frames)
            key = fold_name(bucket.key, profile)
            width = padding if frames.first >= 0 else _signed_padding(padding, frames, sets)
            gathered.setdefault((bucket.folder, key, width), []).append(sequence)
    for spellings in gathered.values():
        # Two files that differ only in their spelling stay two: then no spelling joins another.
        for sequences in [spellings] if _are_disjoint(spellings) else [[sequence] for sequence in spellings]:
            if sum(sequence.count for sequence in sequences) >= profile.min_frames:
                units.append(sequence_unit([with_empty_frames(sequence, empties) for sequence in sequences]))
            else:
                stills.extend(_stills(sequences))
    return units, stills


def _are_disjoint(sequences: list[FrameSequence]) -> bool:
    union = reduce(Frames.union, (sequence.frames for sequence in sequences))
    return union.count == sum(sequence.count for sequence in sequences)


def split_by_padding(runs: tuple[tuple[int, Frames], ...]) -> list[tuple[int, Frames]]:
    """Split a bucket into (padding, frames): each padded width with the numbers that fill it, then the rest."""
    written = dict(runs)
    loose = written.pop(0, EMPTY_FRAMES)
    if not written or not loose:
        return list(runs)
    sets: dict[int, Frames] = {}
    for width in sorted(written):
        low, high = 10 ** (width - 1), 10**width - 1
        fitting = [*loose.between(low, high).intervals(), *loose.between(-high, -low).intervals()]
        sets[width] = Frames.from_intervals([*written[width].intervals(), *fitting])
        loose = Frames.from_intervals(
            pair
            for part in (
                loose.between(MIN_FRAME_NUMBER, -high - 1),
                loose.between(1 - low, low - 1),
                loose.between(high + 1, MAX_FRAME_NUMBER),
            )
            for pair in part.intervals()
        )
    # Numbers that outgrow the padding (0999, 1000) continue their set.
    for width in sorted(sets):
        if 10**width - 1 in sets[width] and 10**width in loose:
            sets[width] = sets[width].union(loose.between(10**width, MAX_FRAME_NUMBER))
            loose = loose.between(MIN_FRAME_NUMBER, 10**width - 1)
    if loose:
        sets[0] = loose
    return sorted(sets.items())


def _signed_padding(padding: int, frames: Frames, sets: list[tuple[int, Frames]]) -> int:
    """Return the padding of the set that negative frames belong to: `%04d` writes -1 as -001, the sign as a digit."""
    written = padding or len(str(-frames.first))
    is_alone = frames.last < 0 and (padding or written == len(str(-frames.last)))
    return written + 1 if is_alone and any(width == written + 1 for width, _ in sets) else padding


def with_empty_frames(sequence: FrameSequence, empties: EmptyFrameNames) -> FrameSequence:
    """Return a sequence that notes its zero-byte frames."""
    noted = empties.get((sequence.folder, sequence.key)) if empties else None
    if not noted:
        return sequence
    frames = [frame for padding, frame in noted if _fits(padding, frame, sequence.padding)]
    empty = Frames(frames).remove(sequence.frames) if frames else EMPTY_FRAMES
    return FrameSequence(sequence.folder, sequence.prefix, sequence.suffix, sequence.padding, sequence.frames, empty)


def _fits(padding: int, frame: int, wanted: int) -> bool:
    return padding == wanted or (padding == 0 and len(str(abs(frame))) == wanted)


def _stills(sequences: Iterable[FrameSequence]) -> Iterable[Single]:
    for sequence in sequences:
        for frame, path in zip(sequence.frames, sequence.paths(), strict=True):
            digits = len(path) - len(sequence.folder) - len(sequence.prefix) - len(sequence.suffix)
            width = digits - bool(sequence.folder) - (frame < 0)
            padded = 1 < width == sequence.padding and abs(frame) < 10 ** (width - 1)
            yield Single(path, ClassifiedPath("image", sequence.key, frame, width, padded))


def sequence_stem(prefix: bytes, suffix: bytes) -> bytes:
    """Return the key of a set: its name without number, separators before the number and extension."""
    behind = suffix[: suffix.rfind(b".")]
    before = prefix.rstrip(NAME_SEPARATORS)
    return before + behind if before else behind.lstrip(NAME_SEPARATORS)


def sequence_unit(sequences: list[FrameSequence], rule: str = "image sequence", stem: bytes | None = None) -> Unit:
    """Return a unit of sequences under one key."""
    first = min(sequences, key=_first_sequence_path)
    return Unit(
        first.folder,
        sequence_stem(first.prefix, first.suffix) if stem is None else stem,
        first.suffix[first.suffix.rfind(b".") + 1 :].lower(),
        "image_sequence",
        [UnitPart("", tuple(sequences), FRAMES_COMPONENT)],
        first.first_path,
        rule,
    )


def _first_sequence_path(sequence: FrameSequence) -> bytes:
    return sequence.first_path


def _find_subframes(buckets: list[NumberedBucket]) -> tuple[list[Unit], list[NumberedBucket]]:
    """Find sets with a frame and a sub-frame number in their names, both of which vary."""
    places: dict[tuple[bytes, bytes, bytes, int], dict[int, NumberedBucket]] = {}
    rest: list[NumberedBucket] = []
    for bucket in buckets:
        match = _MAIN_FRAME.search(bucket.prefix)
        if match is None or len(match[2]) < MIN_SUBFRAME_MAIN_DIGITS:
            rest.append(bucket)
        else:
            place = (bucket.folder, bucket.prefix[: match.start()], bucket.suffix, len(match[2]) + len(match[1]))
            places.setdefault(place, {})[int(match[1] + match[2])] = bucket
    units: list[Unit] = []
    for (_, base, suffix, _), mates in places.items():
        if _are_subframes(mates):
            sequences = [
                FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, padding, frames)
                for bucket in mates.values()
                for padding, frames in split_by_padding(bucket.runs)
            ]
            units.append(sequence_unit(sequences, "image sequence with sub-frames", _subframe_stem(base, suffix)))
        else:
            rest.extend(mates.values())
    return units, rest


def _subframe_stem(base: bytes, suffix: bytes) -> bytes:
    return base.rstrip(NAME_SEPARATORS) + suffix[: suffix.rfind(b".")]


def sequence_stems(prefix: bytes, suffix: bytes) -> Iterator[bytes]:
    """Yield the keys that a set of this bucket can have, alone or with others of sub-frames."""
    yield sequence_stem(prefix, suffix)
    if match := _MAIN_FRAME.search(prefix):
        yield _subframe_stem(prefix[: match.start()], suffix)


def _are_subframes(mates: dict[int, NumberedBucket]) -> bool:
    """Return whether all main frames have the same fractions (0, 25, 50, 75) and run on; the last may be unfinished.

    Two shots with frames from 1 and two tiles of a texture have the same few numbers under main numbers too.
    """
    last, first = max(mates), min(mates)
    parts = {number: _all_frames(bucket) for number, bucket in mates.items()}
    whole = parts[first]
    count, step = whole.count, whole.step if whole.count > 2 else whole.last
    is_fraction = 1 < count <= MAX_SUBFRAMES and (whole.first, whole.last) == (0, step * (count - 1))
    return (
        is_fraction
        and str(step * count).strip("0") == "1"
        and 2 * len(mates) > last - first + 1 > 1
        and all(found == whole for number, found in parts.items() if number != last)
        and not parts[last].remove(whole)
    )


def _all_frames(bucket: NumberedBucket) -> Frames:
    (_, frames), *others = bucket.runs
    for _, more in others:
        frames = frames.union(more)
    return frames
