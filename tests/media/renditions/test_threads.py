"""Threads of an encoder: as many as there are processors, unless their pictures would not fit."""

import gc
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media.renditions.encoder_settings import EncoderSettings
from media.renditions.frame_sources import VideoFrameSource
from media.renditions.muxer import RenditionMuxer
from media.renditions.threads import (
    MAX_BESIDE_LARGE_BYTES,
    MAX_DECODER_THREADS,
    count_processors,
    limit_decoder_threads,
    limit_encoder_threads,
)
from services.renditions.encode import ENCODER_LIMITS, LARGE_RENDITION_MEMORY_BYTES, limits_for
from tests.media.cases.clip_files import clip

ALL = min(MAX_DECODER_THREADS, count_processors())


class Stream:
    """A stream, of which only the decoder counts."""

    def __init__(self, codec: av.VideoCodecContext) -> None:
        self.codec_context = codec


@pytest.mark.parametrize(
    ("size", "pixels", "kind", "most"),
    [
        ((1920, 1080), "yuv420p", "AUTO", ALL),
        ((3840, 2160), "yuv420p10le", "AUTO", 5),
        ((7680, 4320), "yuv420p", "AUTO", 2),
        ((7680, 4320), "yuv420p10le", "SLICE", ALL),
        ((7680, 4320), "yuva444p12le", "SLICE", ALL),
    ],
)
def test_pictures_that_are_decoded_at_once_fit(size: tuple[int, int], pixels: str, kind: str, most: int) -> None:
    codec = av.CodecContext.create("hevc", "r")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = *size, pixels
    limit_decoder_threads(Stream(codec))  # type: ignore[arg-type]
    assert (codec.thread_type.name, codec.thread_count) == (kind, min(ALL, most))


@pytest.mark.parametrize(
    ("size", "pixels", "kind", "most"),
    [
        ((1920, 1080), "yuv420p", "AUTO", ALL),
        ((3840, 2160), "yuv420p10le", "AUTO", 2),
        ((7680, 4320), "yuv420p", "SLICE", ALL),
    ],
)
def test_fewer_pictures_are_decoded_at_once_beside_an_encoder_of_large_ones(
    size: tuple[int, int], pixels: str, kind: str, most: int
) -> None:
    codec = av.CodecContext.create("hevc", "r")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = *size, pixels
    limit_decoder_threads(Stream(codec), MAX_BESIDE_LARGE_BYTES)  # type: ignore[arg-type]
    assert (codec.thread_type.name, codec.thread_count) == (kind, min(ALL, most))


def count_kept(width: int, until: Fraction) -> int:
    frames = (one for one in gc.get_objects() if isinstance(one, av.VideoFrame))
    return sum(1 for one in frames if one.width == width and one.time <= until)


def test_a_written_picture_is_released_before_the_next_is_decoded(tmp_path: Path) -> None:
    clip("libx264", size=(128, 96), count=5)(tmp_path / "a.mp4")
    recipe = EncoderSettings(widest=64, highest=48)
    with (tmp_path / "a.mp4").open("rb") as file, (tmp_path / "made.mp4").open("w+b") as made:
        output = RenditionMuxer(made.fileno(), recipe)
        source = VideoFrameSource([file.fileno()], None, recipe, output)
        for step in source.steps():
            step()
            assert not count_kept(128, source.clock)
        output.finish()
    assert source.done


def test_an_encoder_has_limited_threads() -> None:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    limit_encoder_threads(codec)
    assert 1 <= codec.thread_count <= 8


def test_only_profiles_larger_than_hd_have_more_memory() -> None:
    assert limits_for(EncoderSettings(), ENCODER_LIMITS) == ENCODER_LIMITS
    large = limits_for(EncoderSettings(widest=3840, highest=2160), ENCODER_LIMITS)
    assert large.memory_bytes == LARGE_RENDITION_MEMORY_BYTES
