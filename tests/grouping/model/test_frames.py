"""The set of frames: one form for one set, cheap to change, exact about holes and steps."""

from __future__ import annotations

import pytest
from fileseq import FrameSet
from hypothesis import given
from hypothesis import strategies as st

from grouping import Frames

SETS = st.sets(st.integers(-30, 60))


@pytest.mark.parametrize(
    "text", ["1-3", "1001-1240,1242-1300x2", "-5--1", "-2-2", "7", "1,3", "1-9x4", "1,3-4,10-14x2", "0"]
)
def test_ranges_are_read_and_written_alike(text: str) -> None:
    assert Frames.from_text(text).to_text() == text


def test_an_empty_set_is_an_empty_text() -> None:
    assert Frames().to_text() == ""
    assert Frames.from_text("") == Frames()
    assert not Frames()
    assert Frames().missing_count == 0


def test_a_text_that_is_no_range_is_refused_with_its_part() -> None:
    with pytest.raises(ValueError, match="'a-b' is no range"):
        Frames.from_text("1-3,a-b")


@given(SETS)
def test_a_set_survives_its_text_and_fileseq_reads_it_alike(frames: set[int]) -> None:
    made = Frames(frames)
    assert list(made) == sorted(frames)
    assert Frames.from_text(made.to_text()) == made
    assert made.count == len(frames)
    if frames:
        assert sorted(FrameSet(made.to_text())) == sorted(frames)
        assert (made.first, made.last) == (min(frames), max(frames))


@given(SETS, SETS)
def test_changes_are_those_of_a_set(one: set[int], other: set[int]) -> None:
    assert Frames(one).union(Frames(other)) == Frames(one | other)
    assert Frames(one).add(other) == Frames(one | other)
    assert Frames(one).remove(other) == Frames(one - other)
    assert hash(Frames(one).remove(other)) == hash(Frames(one - other))


@given(SETS, st.integers(-40, 70), st.integers(-40, 70))
def test_parts_and_neighbours_are_those_of_a_set(frames: set[int], low: int, high: int) -> None:
    made = Frames(frames)
    assert set(made.between(low, high)) == {frame for frame in frames if low <= frame <= high}
    assert made.least_from(low) == min((frame for frame in frames if frame >= low), default=None)
    assert made.greatest_to(low) == max((frame for frame in frames if frame <= low), default=None)
    assert (low in made) == (low in frames)


@pytest.mark.parametrize(
    ("frames", "step", "count", "text"),
    [
        ([1, 2, 4, 5], 1, 1, "3"),
        ([1, 3, 5, 9], 2, 1, "7"),
        ([1, 3], 1, 1, "2"),
        ([10, 20, 30, 70], 10, 3, "40-60x10"),
        ([1, 2, 10], 1, 7, "3-9"),
        ([5], 1, 0, ""),
        ([-2, -1, 1], 1, 1, "0"),
        ([1, 10**17], 1, 10**17 - 2, "2-99999999999999999"),
    ],
)
def test_holes_are_counted_in_the_sets_own_step(frames: list[int], step: int, count: int, text: str) -> None:
    made = Frames(frames)
    assert (made.step, made.missing_count, made.missing_text()) == (step, count, text)
