"""Numbers as people read them, and where things are on the time line."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.core.system_sample import SystemSample
from services.renditions.playback import FrameRange, PlaybackWait
from services.viewing.assets import MediaFacts, build_media_facts
from web.player import TimelineMark, parse_rate, place_holes
from web.words import describe_age, describe_duration, describe_media, describe_rate, describe_wait
from web.work_pages import MAX_PLOTTED_GAP_SECONDS, plot_samples


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (400, "0.4 seconds"),
        (1_000, "1 second"),
        (2_000, "2 seconds"),
        (9_960, "10 seconds"),
        (61_000, "1 minute 1 second"),
        (120_000, "2 minutes"),
        (3_600_000, "1 hour"),
        (7_265_000, "2 hours 1 minute"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert describe_duration(milliseconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("25", "25 frames a second"),
        ("24000/1001", "23.98 frames a second"),
        ("1/0", None),
        ("fast", None),
    ],
)
def test_rates(rate: str, text: str | None) -> None:
    assert describe_rate(rate) == text


def test_media() -> None:
    facts = MediaFacts(2_000, 1920, 1080, "25")
    assert describe_media(facts) == ["2 seconds", "1920 × 1080", "25 frames a second"]
    assert describe_media(MediaFacts()) == []
    hostile = {"duration_milliseconds": "9", "width": True, "height": -4, "frame_rate": ["25"], "timecode_start": 1}
    assert build_media_facts(hostile) == MediaFacts()


@pytest.mark.parametrize(
    ("ahead", "seconds", "text"),
    [
        (0, 3, "It can be watched in about 5 seconds."),
        (2, 121, "It can be watched in about 3 minutes."),
        (1, None, "1 other clip is made ready before it."),
        (3, None, "3 other clips are made ready before it."),
        (0, None, "This has just begun; how long it takes is known in a moment."),
    ],
)
def test_how_long_to_wait(ahead: int, seconds: int | None, text: str) -> None:
    assert describe_wait(PlaybackWait(UUID(int=1), False, ahead, seconds, None)) == text


@pytest.mark.parametrize(
    ("frames", "marks"),
    [
        (FrameRange(1001, 1010, 1, ""), []),
        (FrameRange(1001, 1010, 1, "1002,1005-1006"), [(100.0, 100.0, "1002-1002"), (400.0, 200.0, "1005-1006")]),
        (FrameRange(1, 19, 2, "5"), [(200.0, 100.0, "5-5")]),
        (FrameRange(-2, 1, 1, "-1"), [(250.0, 250.0, "-1--1")]),
    ],
)
def test_holes_are_where_their_frames_would_be(frames: FrameRange, marks: list[tuple[float, float, str]]) -> None:
    assert place_holes(frames) == [TimelineMark(*mark) for mark in marks]


@pytest.mark.parametrize("text", [None, "", "0", "-24", "1/0", "x", 24])
def test_what_is_no_frame_rate(text: object) -> None:
    assert parse_rate(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 seconds"), (59, "59 seconds"), (60, "1 minute"), (7_300, "2 hours"), (90_000, "1 day")]
)
def test_ages(seconds: int, text: str) -> None:
    assert describe_age(datetime.now(UTC) - timedelta(seconds=seconds)) == text


NOW = datetime(2026, 1, 2, tzinfo=UTC)


def sample(hours_ago: float, files: int) -> SystemSample:
    at = NOW - timedelta(hours=hours_ago)
    return SystemSample(sampled_at=at, files=files, assets=1, queued=0, index_lag_seconds=0.0)


def test_lines_of_the_last_day_have_gaps_where_nothing_was_counted() -> None:
    near = MAX_PLOTTED_GAP_SECONDS / 3600
    files, queue, lag = plot_samples([sample(24, 50), sample(24 - near, 100), sample(0, 100)], NOW)
    assert (files.now, files.most) == ("100", "100")
    assert files.runs == ["0.0,50.0 10.4,0.0", "1000.0,0.0 1000.0,0.0"]
    assert (queue.most, lag.now) == ("0", "none")
    assert [line.runs for line in plot_samples([], NOW)] == [[], [], []]
