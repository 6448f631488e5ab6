"""Encode drawn pictures and tones as complete media files in memory, for the demo.

Files are completed in memory because a watched file must appear finished: all bytes have to exist before its name does.
Only for small files of tens to hundreds of kilobytes.
"""

import io
import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av

from media.demo.drawing import DEMO_HEIGHT, DEMO_WIDTH, FRAMES_PER_SECOND, Planes

SAMPLES_PER_SECOND = 48_000
FADE_SAMPLES = 480
"""10 ms: a tone that starts or stops at full level clicks."""


@dataclass(frozen=True, slots=True)
class ClipEncoding:
    """Encoding of a clip: container, codecs, and the pixel format of the video codec."""

    container: str
    video_codec: str
    pixel_format: str
    audio_codec: str = "pcm_s16le"
    options: dict[str, str] = field(default_factory=dict)


DEMO_H264 = ClipEncoding("mp4", "libx264", "yuv420p", "aac", {"preset": "veryfast", "crf": "26"})
DEMO_PRORES = ClipEncoding("mov", "prores_ks", "yuv422p10le", options={"profile": "proxy"})
DEMO_MPEG4 = ClipEncoding("mov", "mpeg4", "yuv420p")


def encode_clip(recipe: ClipEncoding, pictures: Iterable[Planes], sound: "array[int] | None" = None) -> bytes:
    """Encode a movie file; `sound` is mono, 16 bit, 48 kHz; None omits the track."""
    target = io.BytesIO()
    with av.open(target, "w", format=recipe.container) as container:
        video = container.add_stream(recipe.video_codec, rate=FRAMES_PER_SECOND, options=recipe.options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = DEMO_WIDTH, DEMO_HEIGHT, recipe.pixel_format
        video.thread_count = 1  # with more, x264 and mpeg4 would write different bytes on different machines
        audio: av.AudioStream | None = None
        if sound is not None:
            added = container.add_stream(recipe.audio_codec, rate=SAMPLES_PER_SECOND, layout="mono")
            assert isinstance(added, av.AudioStream)
            audio = added
        for number, planes in enumerate(pictures):
            picture = to_frame(planes).reformat(format=recipe.pixel_format)
            picture.pts, picture.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            mux_samples(container, audio, sound)
    return target.getvalue()


def encode_sound(sound: "array[int]") -> bytes:
    """Encode a WAV file."""
    target = io.BytesIO()
    with av.open(target, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLES_PER_SECOND, layout="mono")
        mux_samples(container, stream, sound)
    return target.getvalue()


def encode_exr(planes: Planes) -> bytes:
    """Encode an OpenEXR file: half float, in linear light as the format demands.

    Each byte of the floats is looked up for a whole plane at once: 7 ms a frame; a lookup for each pixel took 42.
    """
    light = array("f", ((value / 255) ** 2.2 for value in range(256))).tobytes()
    picture = av.VideoFrame(DEMO_WIDTH, DEMO_HEIGHT, "gbrpf32le")
    for plane, drawn in zip(picture.planes, planes, strict=True):
        floats = bytearray(4 * len(drawn))
        for byte in range(4):
            floats[byte::4] = drawn.translate(light[byte::4])
        plane.update(pad_lines(bytes(floats), 4 * DEMO_WIDTH, plane.line_size))
    return encode_still("exr", picture, {"compression": "zip16", "format": "half"})


def encode_still(codec_name: str, picture: av.VideoFrame, options: dict[str, str]) -> bytes:
    """Encode a still: its packet is the file."""
    codec = av.CodecContext.create(codec_name, "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, picture.format.name
    codec.time_base = Fraction(1, FRAMES_PER_SECOND)
    codec.options = options
    return b"".join(bytes(packet) for packet in [*codec.encode(picture), *codec.encode(None)])


def make_tone(hertz: float, seconds: float, level: float = 0.2) -> "array[int]":
    """Return a sine tone with faded ends, as 16-bit samples."""
    count = round(seconds * SAMPLES_PER_SECOND)
    turn = 2 * math.pi * hertz / SAMPLES_PER_SECOND
    peak = level * 32767
    samples = array("h", (round(peak * math.sin(turn * place)) for place in range(count)))
    for place in range(min(FADE_SAMPLES, count // 2)):
        for end in (place, count - 1 - place):
            samples[end] = samples[end] * place // FADE_SAMPLES
    return samples


def to_frame(planes: Planes) -> av.VideoFrame:
    """Convert a drawn picture to a PyAV frame."""
    picture = av.VideoFrame(DEMO_WIDTH, DEMO_HEIGHT, "gbrp")
    for plane, drawn in zip(picture.planes, planes, strict=True):
        plane.update(pad_lines(drawn, DEMO_WIDTH, plane.line_size))
    return picture


def pad_lines(pixels: bytes, row_size: int, line_size: int) -> bytes:
    """Pad lines to the line size of FFmpeg, which may exceed the picture's; 480 pixels have needed none so far."""
    if row_size == line_size:
        return pixels
    gap = bytes(line_size - row_size)
    return b"".join(pixels[start : start + row_size] + gap for start in range(0, len(pixels), row_size))


def mux_samples(container: av.container.OutputContainer, stream: av.AudioStream, sound: "array[int]") -> None:
    """Encode all samples into a track and flush its encoder."""
    for frame in split_samples(sound):
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def split_samples(sound: "array[int]") -> Iterator[av.AudioFrame]:
    """Yield the samples in frames of 1024, the frame size of AAC."""
    for start in range(0, len(sound), 1024):
        piece = sound[start : start + 1024]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece))
        data = piece.tobytes()
        frame.planes[0].update(data + bytes(frame.planes[0].buffer_size - len(data)))
        frame.sample_rate = SAMPLES_PER_SECOND
        frame.pts, frame.time_base = start, Fraction(1, SAMPLES_PER_SECOND)
        yield frame
