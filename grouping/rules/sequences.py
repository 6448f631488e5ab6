"""Numbered images: split buckets into sequences and stills.

Widths are decided on the whole bucket, so that the result does not depend on the order of arrival. Leading zeros define
the padding; a number as wide as a padded one belongs to it; remaining numbers are unpadded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grouping.model.extensions import PHOTO_STILL_EXTENSIONS, RAW_STILL_EXTENSIONS
from grouping.model.frames import EMPTY_FRAMES, Frames
from grouping.model.items import NumberedBucket, Single, folder_of
from grouping.model.names import ASCII_DIGITS, NON_DIGITS, ClassifiedPath, classify_path
from grouping.model.plan import FrameSequence
from grouping.model.profile import Profile
from grouping.model.tokens import NAME_SEPARATORS
from grouping.model.units import FRAMES_COMPONENT, Unit, UnitPart

_MAIN_FRAME = re.compile(rb"\.(\d+)\.\Z")

MIN_SUBFRAME_MAIN_DIGITS = 3
"""`scan.0001.25` has sub-frames; `Screenshot 12.34.56` has not."""

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
        if extension.lower() in PHOTO_STILL_EXTENSIONS and (bucket.folder, name) in numbers:
            sets = (FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, *run) for run in bucket.runs)
            photographs.extend(_stills(sets))
        else:
            left.append(bucket)
    return left, photographs


def _raw_number(single: Single) -> tuple[bytes, bytes] | None:
    """Return folder and numberless name of a RAW still, in the form of a bucket's key."""
    stem, _, extension = single.name.rpartition(b".")
    if extension.lower() not in RAW_STILL_EXTENSIONS and extension.lower() != b"dng":
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
        for padding, frames in split_by_padding(bucket.runs):
            sequence = FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, padding, frames)
            key = bucket.key if profile.case_sensitive else bucket.key.lower()
            gathered.setdefault((bucket.folder, key, padding), []).append(sequence)
    for sequences in gathered.values():
        if sum(sequence.count for sequence in sequences) >= profile.min_frames:
            units.append(_sequence_unit([_with_empties(sequence, empties) for sequence in sequences]))
        else:
            stills.extend(_stills(sequences))
    return units, stills


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
                loose.between(-(10**18), -high - 1),
                loose.between(1 - low, low - 1),
                loose.between(high + 1, 10**18),
            )
            for pair in part.intervals()
        )
    # Numbers that outgrow the padding (0999, 1000) continue their set.
    for width in sorted(sets):
        if 10**width - 1 in sets[width] and 10**width in loose:
            sets[width] = sets[width].union(loose.between(10**width, 10**18))
            loose = loose.between(-(10**18), 10**width - 1)
    if loose:
        sets[0] = loose
    return sorted(sets.items())


def _with_empties(sequence: FrameSequence, empties: EmptyFrameNames) -> FrameSequence:
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


def _sequence_unit(sequences: list[FrameSequence], rule: str = "image sequence", stem: bytes | None = None) -> Unit:
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
    places: dict[tuple[bytes, bytes, bytes, int], list[NumberedBucket]] = {}
    rest: list[NumberedBucket] = []
    for bucket in buckets:
        match = _MAIN_FRAME.search(bucket.prefix)
        if match is None or len(match[1]) < MIN_SUBFRAME_MAIN_DIGITS:
            rest.append(bucket)
        else:
            base = bucket.prefix[: match.start()]
            places.setdefault((bucket.folder, base, bucket.suffix, len(match[1])), []).append(bucket)
    units: list[Unit] = []
    for (_, base, _, width), mates in places.items():
        if _are_subframes(mates, width):
            sequences = [
                FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, padding, frames)
                for bucket in mates
                for padding, frames in split_by_padding(bucket.runs)
            ]
            stem = base.rstrip(NAME_SEPARATORS) + mates[0].suffix[: mates[0].suffix.rfind(b".")]
            units.append(_sequence_unit(sequences, "image sequence with sub-frames", stem))
        else:
            rest.extend(mates)
    return units, rest


def _are_subframes(mates: list[NumberedBucket], width: int) -> bool:
    """Return whether several main frames share several sub-frames with fewer digits than the frames."""
    if len(mates) < 2:
        return False
    parts: set[int] = set()
    for bucket in mates:
        for padding, frames in bucket.runs:
            if padding >= width or frames.first < 0 or frames.last >= 10 ** (width - 1):
                return False
            parts.update(frames)
    return len(parts) > 1 and sum(bucket.count for bucket in mates) > max(len(mates), len(parts))
