"""Positions in a clip as people read and type them."""

from fractions import Fraction

import pytest

from media.probe.timecode import ClipClock

FILM, NTSC = ClipClock(Fraction(24), "01:00:00:00"), ClipClock(Fraction(30000, 1001), "00:59:59;28")
SOUND = ClipClock()


@pytest.mark.parametrize(
    ("clock", "milliseconds", "text"),
    [
        (FILM, 0, "01:00:00:00"),
        (FILM, 1042, "01:00:01:01"),
        (NTSC, 0, "00:59:59;28"),
        (NTSC, 67, "01:00:00;00"),
        (ClipClock(Fraction(25)), 61_000, "00:01:01:00"),
        (ClipClock(Fraction(25), "nonsense"), 40, "00:00:00:01"),
        (SOUND, 5_000, "0:05"),
        (SOUND, 3_661_250, "1:01:01.250"),
    ],
)
def test_a_position_is_written_as_it_is_read(clock: ClipClock, milliseconds: int, text: str) -> None:
    assert clock.write(milliseconds) == text
    assert abs(clock.read(text) - milliseconds) <= 17


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("5", 5_000), ("1:05", 65_000), ("1:01:05", 3_665_000), (" 2.5 ", 2_500), ("0,04", 40), ("90", 90_000)],
)
def test_a_typed_time_counts_from_the_start(text: str, milliseconds: int) -> None:
    assert FILM.read(text) == SOUND.read(text) == milliseconds


@pytest.mark.parametrize("text", ["", "soon", "00:59:59:23", "1:2:3:4:5", "-1", "1" * 30, "<b>"])
def test_what_is_no_time_of_the_clip_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time|before the clip"):
        FILM.read(text)
