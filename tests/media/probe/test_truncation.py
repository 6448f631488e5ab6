"""Files that break off: what is missing is what was cut, and nothing is missing of whole ones."""

import io
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media.probe.headers import read_header
from tests.media.cases.clip_files import Maker, clip, sound

CUT = 40
FILES: dict[str, tuple[Maker, bool]] = {
    # name: maker, whether its container says how long it is
    "front.mp4": (clip("libx264", sound="aac", muxer={"movflags": "faststart"}), True),
    "fragments.mp4": (clip("libx264", muxer={"movflags": "frag_keyframe+empty_moov"}), True),
    "a.mkv": (clip("libx264"), True),
    "a.webm": (clip("libvpx"), True),
    "live.mkv": (clip("libx264", muxer={"live": "1"}), False),
    "a.avi": (clip("mpeg4"), True),
    "a.wav": (sound("pcm_s16le"), True),
    "rf64.wav": (sound("pcm_s16le", container_options={"rf64": "always"}), True),
    "a.aif": (sound("pcm_s16be"), True),
    "a.ts": (clip("mpeg2video", rate=Fraction(25)), False),
    "a.mp3": (sound("libmp3lame"), False),
}  # fmt: skip


def missing_bytes(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return int(read_header(descriptor, path.name).get("missing_bytes", 0))
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", FILES)
def test_what_was_cut_off_is_missing(tmp_path: Path, name: str) -> None:
    make, is_said = FILES[name]
    path = tmp_path / name
    make(path)
    assert missing_bytes(path) == 0
    os.truncate(path, path.stat().st_size - CUT)
    assert missing_bytes(path) == pytest.approx(CUT if is_said else 0, abs=8)


@pytest.mark.parametrize("said", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_size_that_was_never_written_promises_nothing(tmp_path: Path, said: int) -> None:
    path = tmp_path / "a.wav"
    sound("pcm_s16le")(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 4, said)
    path.write_bytes(content)
    assert missing_bytes(path) == 0


def test_half_a_clip_is_still_described(tmp_path: Path) -> None:
    """ffprobe says 500 ms and twelve pictures, of which six are there."""
    path = tmp_path / "a.mp4"
    clip("libx264", muxer={"movflags": "faststart"})(path)
    content = path.read_bytes()
    with av.open(io.BytesIO(content)) as container:
        places = [entry.pos for entry in container.streams.video[0].index_entries]
    path.write_bytes(content[: places[6]])
    assert missing_bytes(path) == len(content) - places[6]
