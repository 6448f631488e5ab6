"""Files joined end to end by `cat`: that there is more than the first part, or a length that counts it."""

from fractions import Fraction
from pathlib import Path

import pytest

from media.probe.headers import read_header
from tests.media.cases.clip_files import Maker, clip, sound

JOINED: dict[str, Maker] = {
    "a.wav": sound("pcm_s16le"),
    "odd.wav": sound("pcm_u8", seconds=0.5 + 1 / 48_000),
    "rf64.wav": sound("pcm_s16le", container_options={"rf64": "always"}),
    "a.aif": sound("pcm_s16be"),
    "a.au": sound("pcm_s16be"),
    "a.flac": sound("flac"),
    "a.opus": sound("libopus"),
    "a.tta": sound("tta"),
    "a.mxf": clip("mpeg2video", rate=Fraction(25)),
    "a.flv": clip("libx264", sound="aac"),
    "a.wmv": clip("wmv2"),
    "a.avi": clip("mpeg4"),
    "a.mkv": clip("libx264"),
    "a.webm": clip("libvpx"),
    "a.mp4": clip("libx264"),
    "front.mp4": clip("libx264", muxer={"movflags": "faststart"}),
    "a.mov": clip("prores_ks", "yuv422p10le"),
    "a.m4a": sound("aac"),
}
COUNTED: dict[str, Maker] = {
    "a.aac": sound("aac"),
    "a.caf": sound("pcm_s16be"),
    "a.w64": sound("pcm_s16le"),
    "a.dv": clip("dvvideo", "yuv420p", Fraction(25), size=(720, 576)),
    "a.h264": clip("libx264"),
    "a.mpg": clip("mpeg2video", rate=Fraction(25)),
    "a.ac3": sound("ac3"),
    "xing.mp3": sound("libmp3lame"),
    "no_xing.mp3": sound("libmp3lame", container_options={"write_xing": "0"}),
    "a.ts": clip("mpeg2video", rate=Fraction(25)),
}


def header_of(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        return read_header(file.fileno(), path.name)


@pytest.mark.parametrize("name", JOINED)
def test_a_joined_file_says_that_more_follows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    JOINED[name](path)
    content = path.read_bytes()
    assert "joined_bytes" not in header_of(path)
    path.write_bytes(content * 3)
    assert header_of(path)["joined_bytes"] == pytest.approx(2 * len(content), abs=1)


@pytest.mark.parametrize("name", COUNTED)
def test_the_length_of_joined_streams_is_counted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    COUNTED[name](path)
    content, once = path.read_bytes(), header_of(path)["duration_milliseconds"]
    path.write_bytes(content * 3)
    joined = header_of(path)
    assert joined["duration_milliseconds"] == pytest.approx(3 * int(str(once)), rel=0.1)
    assert "joined_bytes" not in joined
