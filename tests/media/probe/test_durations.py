"""Durations that no header says, or that would be estimated: counted from the packets."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from media.probe.durations import MAX_COUNTED_BYTES
from media.probe.headers import read_header
from tests.media.renditions.test_nothing_lost import clip, joined, sound


def facts_of(path: Path) -> dict[str, Any]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_header(descriptor, path.name)
    finally:
        os.close(descriptor)


def without_index(folder: Path) -> Path:
    """An MP3 whose first part has a tenth of the bit rate of the second, and no index."""
    parts = [
        sound(folder / f"{name}.mp3", "libmp3lame", layout, seconds=2, options={"write_xing": "0"})
        for name, layout in (("a", "mono"), ("b", "stereo"))
    ]
    whole = folder / "whole.mp3"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts).replace(b"Info", b"\0\0\0\0"))
    return whole


def live(folder: Path) -> Path:
    return clip(folder / "live.mkv", 50, live="1")


FILES: dict[str, tuple[Callable[[Path], Path], int]] = {
    "raw H.264": (lambda folder: clip(folder / "a.h264", 50), 2_000),
    "AAC": (lambda folder: sound(folder / "a.aac", "aac", seconds=2), 2_000),
    "MP3 without an index": (without_index, 4_000),
    "Matroska of a live recording": (live, 2_000),
    "MP4": (lambda folder: clip(folder / "a.mp4", 50), 2_000),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_duration_is_that_of_all_packets(tmp_path: Path, kind: str) -> None:
    make, milliseconds = FILES[kind]
    facts = facts_of(make(tmp_path))
    assert facts["duration_milliseconds"] == pytest.approx(milliseconds, abs=110)
    assert "duration_is_estimated" not in facts


def test_a_live_recording_says_no_duration(tmp_path: Path) -> None:
    with av.open(str(live(tmp_path))) as container:
        assert not container.duration


def test_streams_have_the_durations_that_were_counted(tmp_path: Path) -> None:
    facts = facts_of(without_index(tmp_path))
    assert facts["streams"][0]["duration_milliseconds"] == facts["duration_milliseconds"]


def test_jumps_of_a_clock_are_no_duration(tmp_path: Path) -> None:
    """ffprobe says 5,002 s; the rendition has four."""
    facts = facts_of(joined(tmp_path))
    assert facts["duration_milliseconds"] == pytest.approx(4_000, abs=90)


def test_a_long_recording_of_a_browser_has_an_estimate(tmp_path: Path) -> None:
    """Too large to be counted: the last cluster of a Matroska file says when it begins."""
    path = clip(tmp_path / "live.mkv", 500, live="1", cluster_time_limit="1000")
    with path.open("r+b") as file:
        content = file.read()
        place = content.index(b"\x1f\x43\xb6\x75")
        spare = MAX_COUNTED_BYTES
        file.seek(place)
        # An element of nothing between head and clusters: Void, with a size of eight bytes.
        file.write(b"\xec\x01" + spare.to_bytes(7, "big") + bytes(spare) + content[place:])
    facts = facts_of(path)
    assert facts["duration_is_estimated"] is True
    assert 17_000 < facts["duration_milliseconds"] <= 20_000


def test_a_name_of_a_stream_of_pictures_makes_it_a_clip(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 48)).save(picture, "JPEG")
    path = tmp_path / "a.mjpeg"
    path.write_bytes(picture.getvalue() * 50)
    facts = facts_of(path)
    assert (facts["streams"][0]["type"], facts["duration_milliseconds"]) == ("VIDEO", 2_000)


def test_jumps_of_a_clock_are_counted_in_a_file_too_large_to_be_counted_by_packets(tmp_path: Path) -> None:
    """Two streams 5,000 s apart, filled up with the packets of nothing that MPEG-TS has; ffprobe says 5,002 s."""
    path = joined(tmp_path)
    filling = (b"\x47\x1f\xff\x10" + b"\xff" * 184) * (MAX_COUNTED_BYTES // 188 + 1)
    content = path.read_bytes()
    place = len(content) // 2 // 188 * 188
    path.write_bytes(content[:place] + filling + content[place:])
    facts = facts_of(path)
    assert facts["duration_milliseconds"] == pytest.approx(4_000, abs=200)
    assert (facts["clock_jumps"], facts["duration_is_estimated"]) == (1, True)
