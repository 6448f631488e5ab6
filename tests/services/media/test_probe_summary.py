"""Summaries of probes: facts of one file, of several and of a sequence, and the warnings of a format."""

import uuid
from typing import Any

import pytest

from grouping import Frames
from media.sandbox.safe_open import SourceFile
from models.catalog.storage import StorageSettings
from services.catalog.assets.sources import MAX_SOURCES_PER_SET, ReadableFileSet
from services.media.probe_summary import FormatPart, ProbeSummary, list_format_warnings, summarize_set

ID = uuid.UUID(int=1)
VIDEO = {"type": "VIDEO", "codec": "h264", "width": 1920, "frame_rate": "25/1"}
AUDIO = {"type": "AUDIO", "codec": "aac"}
PICTURE = {"type": "IMAGE", "codec": "exr", "width": 2048, "height": 1152, "pixel_format": "gbrpf32le"}


def readable(*names: str, frames: Frames | None = None, rate: str = "24", count: int = 0) -> ReadableFileSet:
    sources = [SourceFile(b"/media", name.encode(), 1, 1) for name in names]
    settings = StorageSettings(sequence_frame_rate=rate)
    numbers = list(range(len(names))) if frames is not None else []
    return ReadableFileSet(ID, ID, ID, "set", settings, ID, True, frames, count, sources, numbers)


def clip(milliseconds: int | None = 1_000, *streams: dict[str, Any], **facts: Any) -> dict[str, Any]:
    duration = {} if milliseconds is None else {"duration_milliseconds": milliseconds}
    return {"container": "mp4", **duration, **facts, "streams": list(streams) or [VIDEO, AUDIO]}


def test_a_single_file_gives_its_facts() -> None:
    found = summarize_set(readable("a.mov"), [clip(reel="A001")])
    assert found.general == {"container": "mp4", "duration_milliseconds": 1_000, "reel": "A001"}
    assert (found.streams, found.notes) == ([VIDEO, AUDIO], [])


@pytest.mark.parametrize(
    ("files", "expected", "notes"),
    [
        ([clip(1_000), clip(500)], {"files_read": 2, "duration_milliseconds": 1_500}, []),
        (
            [clip(1_000), {"error": "is no media file"}],
            {"files_read": 2},
            ["b1.mov is no media file"],
        ),
        ([{"error": "is cut off"}, clip(500)], {"files_read": 2}, ["b0.mov is cut off"]),
        ([clip(1_000), clip(None)], {"files_read": 2}, []),
        ([clip(None), clip(None)], {"files_read": 2}, []),
        (
            [clip(1)] * (MAX_SOURCES_PER_SET - 1),
            {"files_read": MAX_SOURCES_PER_SET - 1, "duration_milliseconds": MAX_SOURCES_PER_SET - 1},
            [],
        ),
        ([clip(1)] * MAX_SOURCES_PER_SET, {"files_read": MAX_SOURCES_PER_SET}, []),
    ],
    ids=["all", "the last is unread", "the first is unread", "one has none", "none has", "all of many", "perhaps more"],
)
def test_the_duration_of_several_files_is_their_sum_or_unknown(
    files: list[dict[str, Any]], expected: dict[str, Any], notes: list[str]
) -> None:
    read = readable(*(f"b{number}.mov" for number in range(len(files))))
    found = summarize_set(read, files)
    assert (found.general, found.notes) == ({"container": "mp4", **expected}, notes)


LOSSES: dict[str, tuple[dict[str, Any], str]] = {
    "a jump": ({"clock_jumps": 1}, "a.ts: its clock jumps 1 time; its duration is without the jumps"),
    "jumps of a file that was not read whole": (
        {"clock_jumps": 2, "clock_looked_at_bytes": 256 << 20},
        "a.ts: its clock jumps 2 times in the 256 MB of it that were looked at; its duration is without the jumps",
    ),
    "half a file": (
        {"missing_bytes": 12_345},
        "a.ts: breaks off: 12,345 bytes of what its header promises are missing",
    ),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_what_a_header_hides_is_noted(kind: str) -> None:
    facts, note = LOSSES[kind]
    assert summarize_set(readable("a.ts"), [clip(**facts)]).notes == [note]


def frame(**changes: Any) -> dict[str, Any]:
    return {"container": "exr", "streams": [{**PICTURE, **changes}]}


SEQUENCE = readable("f.1.exr", "f.2.exr", "f.3.exr", frames=Frames(range(48)), count=48)


def test_a_sequence_has_the_duration_of_its_frames() -> None:
    found = summarize_set(SEQUENCE, [frame(), frame(), frame()])
    timing = {"frame_rate": "24/1", "frame_count": 48, "duration_milliseconds": 2_000}
    assert found.general == {"container": "exr", "duration_milliseconds": 2_000}
    assert found.streams == [{**PICTURE, "type": "VIDEO", **timing}]
    assert found.notes == []


def test_a_fractional_rate_stays_exact() -> None:
    read = readable("f.1.exr", frames=Frames(range(24)), count=24, rate="24000/1001")
    [stream] = summarize_set(read, [frame()]).streams
    assert (stream["frame_rate"], stream["duration_milliseconds"]) == ("24000/1001", 1_001)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            [frame(), frame(width=1024), frame()],
            ["f.2.exr is not like f.1.exr: width 1024 instead of 2048"],
        ),
        (
            [frame(), frame(), frame(codec="dpx", pixel_format="rgb48")],
            ["f.3.exr is not like f.1.exr: pixel_format rgb48 instead of gbrpf32le, codec dpx instead of exr"],
        ),
        ([frame(), {"error": "is cut off"}, frame()], ["f.2.exr is cut off"]),
        (
            [{"error": "is cut off"}, frame(), frame(height=1)],
            ["f.1.exr is cut off", "f.3.exr is not like f.2.exr: height 1 instead of 1152"],
        ),
        ([frame(bits=10), frame(bits=12), frame()], []),
    ],
    ids=["another size", "another codec", "unread", "the first unread", "what may differ"],
)
def test_a_sequence_notes_frames_that_are_unread_or_differ(files: list[dict[str, Any]], expected: list[str]) -> None:
    assert summarize_set(SEQUENCE, files).notes == expected


@pytest.mark.parametrize(
    ("said", "is_noted"), [("24", False), ("24000/1001", True), ("2401/100", False), ("25", True), (None, False)]
)
def test_a_sequence_notes_another_frame_rate_in_its_frames(said: str | None, is_noted: bool) -> None:
    first = frame() if said is None else {**frame(), "file_frame_rate": said}
    notes = summarize_set(SEQUENCE, [first, frame(), frame()]).notes
    assert notes == (
        [f"its frames say {said} frames a second; the storage plays sequences with 24/1"] if is_noted else []
    )


@pytest.mark.parametrize(
    ("types", "expected"), [([], False), (["TEXT"], False), (["TEXT", "AUDIO"], True), (["IMAGE"], True)]
)
def test_media_are_pictures_and_sounds(types: list[str], expected: bool) -> None:
    assert ProbeSummary({}, [{"type": kind} for kind in types]).has_media is expected


def part(name: str, milliseconds: int | None, *streams: dict[str, Any], label: str = "", **general: Any) -> FormatPart:
    duration = {} if milliseconds is None else {"duration_milliseconds": milliseconds}
    return FormatPart(name, label, {**general, **duration}, streams)


LENGTHS: dict[str, tuple[str, list[FormatPart], list[str]]] = {
    "eyes of one length": ("stereoscopic", [part("l", 1_000, VIDEO), part("r", 1_020, VIDEO)], []),
    "eyes a frame apart": (
        "stereoscopic",
        [part("l", 1_000, VIDEO), part("r", 1_040, VIDEO, label="right")],
        ["eyes are of different lengths: right 1.040 s, but l 1.000 s"],
    ),
    "sound may be longer": ("separate_tracks", [part("v", 1_000, VIDEO), part("a", 1_100, AUDIO)], []),
    "sound that is too long": (
        "separate_tracks",
        [part("v", 1_000, VIDEO), part("a", 1_101, AUDIO)],
        ["tracks are of different lengths: a 1.101 s, but v 1.000 s"],
    ),
    "a slow picture tolerates a frame of sound": (
        "separate_tracks",
        [part("v", 1_000, {**VIDEO, "frame_rate": "1/1"}), part("a", 2_000, AUDIO)],
        [],
    ),
    "sounds only": ("separate_tracks", [part("a", 1_000, AUDIO), part("b", 1_100, AUDIO)], []),
    "cameras": (
        "multi_camera",
        [part("A", 1_000, VIDEO), part("B", 5_000, VIDEO), part("C", 3_000, VIDEO)],
        ["cameras are of different lengths: B 5.000 s, but A 1.000 s"],
    ),
    "other structures have parts of any length": ("captioned_video", [part("v", 1_000, VIDEO), part("t", 9_000)], []),
    "an unknown length": ("stereoscopic", [part("l", 1_000, VIDEO), part("r", None, VIDEO)], []),
    "one part": ("stereoscopic", [part("l", 1_000, VIDEO)], []),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_parts_that_play_together_are_of_one_length(name: str) -> None:
    structure, parts, expected = LENGTHS[name]
    assert list_format_warnings(structure, parts) == expected


def test_errors_come_before_notes_and_lengths() -> None:
    parts = [
        part("l", 1_000, VIDEO, notes=["odd"]),
        part("r", 9_000, VIDEO, error="is cut off", picture_error="has no picture"),
        part("t", None, error=""),
    ]
    assert list_format_warnings("stereoscopic", parts) == [
        "r: is cut off",
        "r: has no picture",
        "odd",
        "eyes are of different lengths: r 9.000 s, but l 1.000 s",
    ]
