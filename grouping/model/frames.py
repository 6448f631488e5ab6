"""Compact set of frame numbers, in which a sequence of 100,000 frames costs one run.

A folder's bucket is stored as a summary and updated by the difference, so the set must be cheap to change by one frame
and must have one canonical form: equal frames compare equal in whichever order they were added. Maximal contiguous runs
have both properties; steps ("on twos") are computed on request and never stored.
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Self

MIN_FRAME_NUMBER, MAX_FRAME_NUMBER = 1 - 2**63, 2**63 - 1
_RUN = re.compile(r"(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?")

FrameRun = tuple[int, int, int]
"""First frame, last frame, step."""


class Frames:
    """Immutable set of frame numbers, stored as contiguous runs."""

    __slots__ = ("_ends", "_starts", "count")

    def __init__(self, frames: Iterable[int] = ()) -> None:
        starts, ends = array("q"), array("q")
        for frame in sorted(set(frames)):
            if ends and frame == ends[-1] + 1:
                ends[-1] = frame
            else:
                starts.append(frame)
                ends.append(frame)
        self._starts, self._ends = starts, ends
        self.count = sum(ends) - sum(starts) + len(starts)

    @classmethod
    def from_intervals(cls, intervals: Iterable[tuple[int, int]]) -> Self:
        """Build a set from (first, last) pairs that may overlap and come in any order."""
        starts, ends = array("q"), array("q")
        for first, last in sorted(intervals):
            if ends and first <= ends[-1] + 1:
                ends[-1] = max(ends[-1], last)
            else:
                starts.append(first)
                ends.append(last)
        return cls._of(starts, ends)

    @classmethod
    def _of(cls, starts: array[int], ends: array[int]) -> Self:
        made = cls.__new__(cls)
        made._starts, made._ends = starts, ends
        made.count = sum(ends) - sum(starts) + len(starts)
        return made

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse the output of `to_text`, such as `1001-1240,1242-1300x2`."""
        intervals: list[tuple[int, int]] = []
        for part in filter(None, text.split(",")):
            match = _RUN.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"frames {text!r}: {part!r} is no range such as 1001-1240 or 1-99x2")
            first = int(match[1])
            last = first if match[2] is None else int(match[2])
            step = int(match[3] or 1)
            if step == 1:
                intervals.append((first, last))
            else:
                intervals.extend((frame, frame) for frame in range(first, last + 1, step))
        return cls.from_intervals(intervals)

    def to_text(self) -> str:
        """Return the set as ranges; three or more equally spaced frames are written with a step."""
        return runs_to_text(self.runs())

    def runs(self) -> list[FrameRun]:
        """Return the set as the fewest runs a person would write: `1-99x2` rather than fifty numbers."""
        found: list[FrameRun] = []
        singles: list[int] = []
        for first, last in self.intervals():
            if first == last:
                singles.append(first)
                continue
            found.extend(_stepped(singles))
            singles.clear()
            found.append((first, last, 1))
        found.extend(_stepped(singles))
        return found

    def intervals(self) -> Iterator[tuple[int, int]]:
        """Iterate over the contiguous runs as (first, last)."""
        return zip(self._starts, self._ends, strict=True)

    @property
    def first(self) -> int:
        """Lowest frame; undefined for an empty set."""
        return self._starts[0]

    @property
    def last(self) -> int:
        """Highest frame; undefined for an empty set."""
        return self._ends[-1]

    @property
    def step(self) -> int:
        """Common distance of all frames; two frames alone do not establish a step."""
        if self.count < 3 or self.count != len(self._starts):
            return 1
        return math.gcd(*(start - self._starts[0] for start in self._starts))

    @property
    def missing_count(self) -> int:
        """Number of frames missing between the first and the last, in the set's own step."""
        if not self.count:
            return 0
        return (self.last - self.first) // self.step + 1 - self.count

    def missing_runs(self) -> list[FrameRun]:
        """Return the gaps in the set's own step: a set on twos does not miss its odd frames."""
        step = self.step
        holes: list[FrameRun] = []
        for end, start in zip(self._ends[:-1], self._starts[1:], strict=True):
            if start - end > step:
                holes.append((end + step, start - step, step))
        return holes

    def missing_text(self) -> str:
        """Return the gaps as ranges, empty if no frame is missing."""
        return runs_to_text(self.missing_runs())

    def add(self, frames: Iterable[int]) -> Self:
        """Return the set with these frames added."""
        return self.union(Frames(frames))

    def union(self, other: Frames) -> Self:
        """Return the union; adding one frame copies the runs without expanding them."""
        if len(other._starts) == 1:
            return self._with_interval(other.first, other.last)
        return self.from_intervals([*self.intervals(), *other.intervals()])

    def _with_interval(self, first: int, last: int) -> Self:
        low = bisect_left(self._ends, first - 1)
        high = bisect_right(self._starts, last + 1)
        if low < high:
            first, last = min(first, self._starts[low]), max(last, self._ends[high - 1])
        starts, ends = self._starts[:], self._ends[:]
        starts[low:high], ends[low:high] = array("q", [first]), array("q", [last])
        return self._of(starts, ends)

    def remove(self, frames: Iterable[int]) -> Self:
        """Return the set without these frames."""
        gone = Frames(frames)
        kept: list[tuple[int, int]] = []
        holes = list(gone.intervals())
        at = 0
        for first, last in self.intervals():
            low = first
            while at < len(holes) and holes[at][1] < low:
                at += 1
            scan = at
            while scan < len(holes) and holes[scan][0] <= last:
                if holes[scan][0] > low:
                    kept.append((low, holes[scan][0] - 1))
                low = holes[scan][1] + 1
                scan += 1
            at = max(at, scan - 1)
            if low <= last:
                kept.append((low, last))
        return self.from_intervals(kept)

    def between(self, first: int, last: int) -> Self:
        """Return the frames from `first` to `last`, both included."""
        low, high = bisect_left(self._ends, first), bisect_right(self._starts, last)
        starts, ends = self._starts[low:high], self._ends[low:high]
        if starts:
            starts[0], ends[-1] = max(starts[0], first), min(ends[-1], last)
        return self._of(starts, ends)

    def least_from(self, frame: int) -> int | None:
        """Return the lowest frame at or above `frame`, or None."""
        at = bisect_left(self._ends, frame)
        return max(self._starts[at], frame) if at < len(self._starts) else None

    def greatest_to(self, frame: int) -> int | None:
        """Return the highest frame at or below `frame`, or None."""
        at = bisect_right(self._starts, frame) - 1
        return min(self._ends[at], frame) if at >= 0 else None

    def __contains__(self, frame: int) -> bool:
        return self.least_from(frame) == frame

    def __iter__(self) -> Iterator[int]:
        for first, last in self.intervals():
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frames) and self._starts == other._starts and self._ends == other._ends

    def __hash__(self) -> int:
        return hash((self.count, self._starts.tobytes(), self._ends.tobytes()))

    def __repr__(self) -> str:
        return f"Frames.from_text({self.to_text()!r})"


def _stepped(singles: list[int]) -> Iterator[FrameRun]:
    """Yield isolated frames as runs; three or more at one distance form a step."""
    at = 0
    while at < len(singles):
        end = at + 1
        if end < len(singles):
            step = singles[end] - singles[at]
            while end + 1 < len(singles) and singles[end + 1] - singles[end] == step:
                end += 1
        if end - at >= 2:
            yield singles[at], singles[end], step
            at = end + 1
        else:
            yield singles[at], singles[at], 1
            at += 1


def runs_to_text(runs: Iterable[FrameRun]) -> str:
    """Format runs as ranges, such as `1001-1240,1242-1300x2`."""
    return ",".join(_run_text(*run) for run in runs)


def _run_text(first: int, last: int, step: int) -> str:
    if first == last:
        return str(first)
    return f"{first}-{last}" if step == 1 else f"{first}-{last}x{step}"


EMPTY_FRAMES = Frames()
