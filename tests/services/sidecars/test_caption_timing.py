"""Captions against the length and the timecode of their clip."""

from fractions import Fraction

import pytest

from media.probe.captions import TimedCaption
from services.sidecars.caption_timing import ClipTiming, fit_to_clip

HOUR = 3_600_000
AT_TEN = ClipTiming(2_000, "10:11:12:12", Fraction(24))
PROGRAMME = 10 * HOUR + 11 * 60_000 + 12_500
MOVED = "their times are timecode, moved by the clip's start 10:11:12:12"

CASES: dict[str, tuple[ClipTiming, list[tuple[int, int]], list[tuple[int, int]], list[str], list[str]]] = {
    # kind: clip, times, fitted times, changes, losses
    "inside": (ClipTiming(2_000), [(0, 500), (500, 2_000)], [(0, 500), (500, 2_000)], [], []),
    "a clip of unknown length": (ClipTiming(), [(HOUR, HOUR + 1)], [(HOUR, HOUR + 1)], [], []),
    "a last line that ends late": (
        ClipTiming(2_000),
        [(500, 1_000), (1_200, 2_040)],
        [(500, 1_000), (1_200, 2_000)],
        ["1 line cut at the end of the clip"],
        [],
    ),
    "lines behind the end": (
        ClipTiming(2_000),
        [(500, 1_000), (2_000, 3_000), (4_000, 5_000)],
        [(500, 1_000)],
        [],
        ["2 lines behind the end of the clip left out"],
    ),
    "programme timecode": (
        AT_TEN,
        [(PROGRAMME + 100, PROGRAMME + 500), (PROGRAMME + 700, PROGRAMME + 1_500)],
        [(100, 500), (700, 1_500)],
        [MOVED],
        [],
    ),
    "programme timecode of a longer piece": (
        AT_TEN,
        [
            (PROGRAMME - 900, PROGRAMME - 100),
            (PROGRAMME - 500, PROGRAMME + 100),
            (PROGRAMME + 3_000, PROGRAMME + 3_100),
        ],
        [(0, 100)],
        [MOVED],
        [
            "1 line before the start of the clip left out",
            "1 line behind the end of the clip left out",
        ],
    ),
    "times from zero of a clip with a timecode": (AT_TEN, [(0, 900)], [(0, 900)], [], []),
    "another programme": (
        AT_TEN,
        [(HOUR, HOUR + 900)],
        [],
        [],
        ["1 line behind the end of the clip left out"],
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_line_is_moved_cut_or_counted(kind: str) -> None:
    clip, given, expected, changes, losses = CASES[kind]
    fitted = fit_to_clip([TimedCaption(start, end, "x") for start, end in given], clip)
    assert [(one.start_ms, one.end_ms) for one in fitted.captions] == expected
    assert (fitted.changes, fitted.losses) == (changes, losses)
