"""Durations that no header says, or that would be estimated: counted from the packets."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from media.probe.headers import read_header
from tests.media.renditions.test_nothing_lost import clip, sound


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
    path = make(tmp_path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        facts = read_header(descriptor, path.name)
    finally:
        os.close(descriptor)
    assert facts["duration_milliseconds"] == pytest.approx(milliseconds, abs=110)
    assert "duration_is_estimated" not in facts


def test_a_live_recording_says_no_duration(tmp_path: Path) -> None:
    with av.open(str(live(tmp_path))) as container:
        assert not container.duration
