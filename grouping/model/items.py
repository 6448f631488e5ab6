"""Input of the second grouping stage: single names, and one summary for each bucket of numbered names.

A summary stores runs instead of names, so that 100,000 frames are one item. It is updated by the difference when frames
appear or vanish, and identifies exactly the names it represents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grouping.model.frames import EMPTY_FRAMES, Frames
from grouping.model.names import MAX_FRAME_DIGITS, ClassifiedPath, classify_path
from grouping.model.profile import DEFAULT_PROFILE, Profile


@dataclass(frozen=True, slots=True)
class Single:
    """Single file with the classification of its path."""

    path: bytes
    described: ClassifiedPath

    @property
    def folder(self) -> bytes:
        """Folder, b"" at the storage's root."""
        return folder_of(self.path)

    @property
    def name(self) -> bytes:
        """Last segment of the path."""
        return self.path[self.path.rfind(b"/") + 1 :]

    @property
    def first_path(self) -> bytes:
        """Path that orders this item among others."""
        return self.path


@dataclass(frozen=True, slots=True)
class NumberedBucket:
    """All numbered names of one folder that differ only in their number."""

    folder: bytes
    key: bytes
    runs: tuple[tuple[int, Frames], ...]
    """(padding, frames): padding 0 holds numbers without leading zeros, w numbers that zeros pad to w digits."""

    @property
    def prefix(self) -> bytes:
        """Name before its number (and sign)."""
        return self.key.partition(b"\0")[0]

    @property
    def suffix(self) -> bytes:
        """Name after its number, including the extension."""
        return self.key.partition(b"\0")[2]

    @property
    def count(self) -> int:
        """Number of names in the bucket."""
        return sum(frames.count for _, frames in self.runs)

    @property
    def first_path(self) -> bytes:
        """Smallest path of the bucket."""
        return min(smallest_path(self.folder, self.prefix, self.suffix, *run) for run in self.runs)

    def add(self, padding: int, frames: Iterable[int]) -> NumberedBucket:
        """Return the bucket with these frames added, written with this padding."""
        runs = dict(self.runs)
        runs[padding] = runs.get(padding, EMPTY_FRAMES).add(frames)
        return NumberedBucket(self.folder, self.key, sort_runs(runs))

    def remove(self, padding: int, frames: Iterable[int]) -> NumberedBucket:
        """Return the bucket without these frames."""
        runs = dict(self.runs)
        runs[padding] = runs.get(padding, EMPTY_FRAMES).remove(frames)
        return NumberedBucket(self.folder, self.key, sort_runs(runs))

    def merged(self, other: NumberedBucket) -> NumberedBucket:
        """Return this bucket merged with another summary of the same names."""
        runs = dict(self.runs)
        for padding, frames in other.runs:
            runs[padding] = runs.get(padding, EMPTY_FRAMES).union(frames)
        return NumberedBucket(self.folder, self.key, sort_runs(runs))

    def paths(self) -> Iterator[bytes]:
        """Iterate over every path of the bucket."""
        for padding, frames in self.runs:
            yield from member_paths(self.folder, self.prefix, self.suffix, padding, frames)


GroupingItem = Single | NumberedBucket


def sort_runs(runs: dict[int, Frames]) -> tuple[tuple[int, Frames], ...]:
    """Return runs sorted by padding, without empty ones."""
    return tuple((padding, runs[padding]) for padding in sorted(runs) if runs[padding])


def folder_of(path: bytes) -> bytes:
    """Return the folder of a path, b"" at the storage's root."""
    slash = path.rfind(b"/")
    return path[:slash] if slash > 0 else b""


def path_in_folder(folder: bytes, name: bytes) -> bytes:
    """Return the path of a name in a folder."""
    return folder + b"/" + name if folder else name


def format_frame_number(padding: int, frame: int) -> bytes:
    """Format a frame number; padding counts digits, without the sign."""
    return b"%0*d" % (padding, frame) if frame >= 0 else b"-%0*d" % (padding, -frame)


def member_paths(folder: bytes, prefix: bytes, suffix: bytes, padding: int, frames: Frames) -> Iterator[bytes]:
    """Iterate over the paths of all frames, in numeric order."""
    head = path_in_folder(folder, prefix)
    for frame in frames:
        yield head + format_frame_number(padding, frame) + suffix


def smallest_path(folder: bytes, prefix: bytes, suffix: bytes, padding: int, frames: Frames) -> bytes:
    """Return the bytewise smallest path of a set without generating all of them.

    Numbers of one length sort by bytes as by value, so one candidate per length suffices.
    """
    head = path_in_folder(folder, prefix)
    candidates = []
    for digits in range(max(padding, 1), MAX_FRAME_DIGITS + 1):
        low, high = 10 ** (digits - 1) if digits > max(padding, 1) else 0, 10**digits - 1
        for frame in (frames.least_from(low), frames.greatest_to(-max(low, 1))):
            if frame is not None and low <= abs(frame) <= high:
                candidates.append(head + format_frame_number(padding, frame) + suffix)
        if frames.last <= high and frames.first >= -high:
            break
    return min(candidates)


NumberedNames = dict[tuple[bytes, bytes], dict[int, list[int]]]
"""Frames of each padding, by folder and bucket key."""


def bucket_paths(paths: Iterable[bytes], profile: Profile = DEFAULT_PROFILE) -> list[GroupingItem]:
    """Run the first stage for many paths: single names as they are, numbered images as one summary per bucket."""
    items: list[GroupingItem] = []
    numbered: NumberedNames = {}
    for path in dict.fromkeys(paths):
        described = classify_path(path, profile)
        if described.bucket is None:
            items.append(Single(path, described))
        else:
            _count_in(numbered, path, described)
    items.extend(_numbered_buckets(numbered))
    return items


def bucket_singles(singles: Iterable[Single]) -> list[NumberedBucket]:
    """Summarise numbered names, one summary per bucket."""
    numbered: NumberedNames = {}
    for single in singles:
        _count_in(numbered, single.path, single.described)
    return _numbered_buckets(numbered)


def _count_in(numbered: NumberedNames, path: bytes, described: ClassifiedPath) -> None:
    slash = path.rfind(b"/")
    place = (path[:slash] if slash > 0 else b"", described.bucket or b"")
    runs = numbered.get(place)
    if runs is None:
        runs = numbered[place] = {}
    padding = described.width if described.padded else 0
    if padding in runs:
        runs[padding].append(described.frame or 0)
    else:
        runs[padding] = [described.frame or 0]


def _numbered_buckets(numbered: NumberedNames) -> list[NumberedBucket]:
    return [
        NumberedBucket(folder, key, sort_runs({padding: Frames(frames) for padding, frames in runs.items()}))
        for (folder, key), runs in numbered.items()
    ]
