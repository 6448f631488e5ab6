"""Renditions of sequences whose frames have what cameras write into them: EXIF with an orientation."""

import io
import os
from pathlib import Path

import av
import pytest

from media.renditions.encoder_settings import EncoderSettings
from media.renditions.frame_sources import FrameBatch, SequenceFrameSource
from media.renditions.muxer import RenditionMuxer
from tests.media.stills.still_files import oriented


@pytest.mark.parametrize("number", [1, 3, 6, 8])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_frames_with_exif_are_encoded_upright(tmp_path: Path, form: str, number: int) -> None:
    path, target = tmp_path / "a.1.x", tmp_path / "made.mp4"
    path.write_bytes(oriented(form, number)())
    asked = {"first": 1, "frame_step": 1, "count": 2, "there": 2, "rate": "25", "batches": 1, "timecode": None}
    with target.open("w+b") as file:
        output = RenditionMuxer(file.fileno(), EncoderSettings())
        source = SequenceFrameSource(asked, EncoderSettings(), output)
        for step in source.steps():
            if isinstance(step, FrameBatch):
                step.numbers, step.files = [1, 2], [os.open(path, os.O_RDONLY) for _ in range(2)]
            else:
                step()
        output.finish()
    assert source.notes() == {"missing": 0, "unreadable": 0, "unreadable_frames": []}
    with av.open(io.BytesIO(target.read_bytes())) as container:
        shown = next(container.decode(video=0)).to_image()
    assert shown.size == (96, 64)
    (red, _, low), (corner, *_), (_, _, blue) = (shown.getpixel(place) for place in ((36, 50), (8, 8), (88, 50)))
    assert (red > 200, low < 80, corner > 200, blue > 200) == (True,) * 4
