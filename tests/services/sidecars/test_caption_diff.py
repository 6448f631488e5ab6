"""Changes from reading a caption file again, as a comparison of values."""

import uuid

import pytest

from media.probe.captions import TimedCaption
from services.sidecars.caption_diff import CaptionLine, diff_captions

HELLO, WORLD = TimedCaption(1_000, 2_000, "Hello"), TimedCaption(3_000, 4_000, "World")


def line(caption: TimedCaption, **how: bool) -> CaptionLine:
    return CaptionLine(uuid.uuid4(), caption.start_ms, caption.end_ms, caption.text, **how)


def test_what_the_file_says_still_is_left_alone() -> None:
    assert diff_captions([line(HELLO), line(WORLD)], [WORLD, HELLO]).is_empty


def test_a_corrected_or_moved_line_keeps_its_id() -> None:
    hello, world = line(HELLO), line(WORLD)
    later = TimedCaption(1_040, 2_040, "Hello"), TimedCaption(3_040, 4_040, "Planet")
    assert diff_captions([hello, world], later).changed == [(hello.id, later[0]), (world.id, later[1])]


@pytest.mark.parametrize("said", [TimedCaption(1_000, 2_000, "Hallo"), TimedCaption(1_500, 2_500, "Hallo"), HELLO])
def test_a_line_that_somebody_changed_stands_in_the_place_of_the_files(said: TimedCaption) -> None:
    found = diff_captions([line(TimedCaption(1_000, 2_000, "Hello, you"), is_edited=True)], [said])
    assert (found.is_empty, found.kept) == (True, 1)


def test_a_line_that_somebody_moved_away_or_cleared_of_its_time_stands_in_no_place() -> None:
    moved = line(TimedCaption(9_000, 9_500, "Hello"), is_edited=True)
    timeless = CaptionLine(uuid.uuid4(), None, None, "World", is_edited=True)
    assert diff_captions([moved, timeless], [HELLO, WORLD]).added == [HELLO, WORLD]


def test_a_line_that_the_file_has_no_more_goes_unless_words_hang_on_it() -> None:
    hello, world = line(HELLO), line(WORLD, is_held=True)
    found = diff_captions([hello, world], [TimedCaption(8_000, 9_000, "Bye")])
    assert (found.gone, found.kept, len(found.added)) == ([hello.id], 1, 1)


def test_two_lines_at_one_time_are_two() -> None:
    above, below = TimedCaption(1_000, 2_000, "Hello"), TimedCaption(1_000, 2_000, "World")
    kept = line(above)
    found = diff_captions([kept], [above, below])
    assert (found.added, found.changed, found.gone) == ([below], [], [])
