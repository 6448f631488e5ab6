"""TIFF frames that FFmpeg would make black or green are read by Pillow; others are left to FFmpeg."""

import os
from pathlib import Path

import av
import pytest

from media.pictures.tiff_frames import read_misread_tiff
from media.sandbox.protocol import UnreadableError
from tests.media.stills import still_files as files
from tests.media.stills.still_files import BLUE, HEIGHT, RED, WIDTH, Maker


def read(path: Path, content: bytes) -> av.VideoFrame | None:
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_misread_tiff(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "make",
    [
        files.tiff(tile=(16, 16)),
        files.tiff("uint16", tile=(16, 16), compression="zlib"),
        files.saved("TIFF", compression="jpeg", quality=95),
    ],
    ids=["tiles", "tiles of 16 bits", "JPEG"],
)
def test_a_frame_that_ffmpeg_misreads_has_its_colours(tmp_path: Path, make: Maker) -> None:
    frame = read(tmp_path / "a.tif", make())
    assert frame is not None
    shown = frame.to_image()
    assert shown.size == (WIDTH, HEIGHT)
    for place, color in (((36, 50), RED), ((80, 50), BLUE)):
        assert all(abs(a - b) < 24 for a, b in zip(shown.getpixel(place), color, strict=True))


@pytest.mark.parametrize("make", [files.saved("TIFF"), files.saved("TIFF", compression="tiff_lzw"), files.saved("PNG")])
def test_other_frames_are_left_to_ffmpeg(tmp_path: Path, make: Maker) -> None:
    assert read(tmp_path / "a.tif", make()) is None


def test_a_frame_with_signed_integers_says_that_it_is_not_shown(tmp_path: Path) -> None:
    """FFmpeg takes them for unsigned ones, and shows them half as bright."""
    with pytest.raises(UnreadableError, match="its integers are signed"):
        read(tmp_path / "a.tif", files.tiff("int16", gray=True)())


def test_a_damaged_frame_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be shown"):
        read(tmp_path / "a.tif", files.tiff(tile=(16, 16), compression="zlib")()[:-50])
