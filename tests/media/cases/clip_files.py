"""Small clips and sounds of all kinds, written here: twelve pictures of 64x48, and half a second of a tone."""

import math
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

WIDTH, HEIGHT, PICTURES = 64, 48, 12
Maker = Callable[[Path], None]
TONE_RATE = 48_000


def clip(
    codec: str,
    pixels: str = "yuv420p",
    rate: Fraction = Fraction(24),
    sound: str | None = None,
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    count: int = PICTURES,
    aspect: Fraction | None = None,
    turned: dict[str, Any] | None = None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    form: str | None = None,
    tags: dict[str, str] | None = None,
    colors: tuple[int, int, int] | None = None,
) -> Maker:
    """A clip of grey pictures, in the container that its name says."""

    def make(path: Path) -> None:
        with av.open(str(path), "w", format=form, container_options=muxer or {}) as container:
            container.metadata.update(tags or {})
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = *size, pixels
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            if turned is not None:
                stream.set_display_rotation(**turned)
            if colors is not None:
                context = stream.codec_context
                context.color_primaries, context.color_trc, context.colorspace = colors
            audio = container.add_stream(sound, rate=TONE_RATE, layout="stereo") if sound else None
            for number in range(count):
                picture = av.VideoFrame(*size, "rgb24")
                picture.planes[0].update(bytes([60 + number * 10 % 120]) * picture.planes[0].buffer_size)
                picture.pts, picture.time_base = number, 1 / rate
                container.mux(stream.encode(picture.reformat(format=pixels)))
            container.mux(stream.encode(None))
            if audio is not None:
                write_tone(container, audio, "stereo", float(count / rate))

    return make


def sound(codec: str, layout: str = "mono", rate: int = TONE_RATE, seconds: float = 0.5, **how: Any) -> Maker:
    """A sound alone."""

    def make(path: Path) -> None:
        with av.open(str(path), "w", **how) as container:
            stream = container.add_stream(codec, rate=rate, layout=layout)
            write_tone(container, stream, layout, seconds, rate)

    return make


def write_tone(
    container: av.container.OutputContainer, stream: av.AudioStream, layout: str, seconds: float, rate: int = TONE_RATE
) -> None:
    """Encode a tone of 440 Hz into a track."""
    channels = av.AudioLayout(layout).nb_channels
    resampler = av.AudioResampler(
        stream.codec_context.format.name, layout, rate, stream.codec_context.frame_size or None
    )
    for start in range(0, round(seconds * rate), 1_000):
        count = min(1_000, round(seconds * rate) - start)
        tone = (round(8_000 * math.sin(2 * math.pi * 440 * (start + at) / rate)) for at in range(count))
        frame = av.AudioFrame("s16", layout, count)
        woven = array("h", (value for value in tone for _ in range(channels))).tobytes()
        frame.planes[0].update(woven.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        for one in resampler.resample(frame):
            container.mux(stream.encode(one))
    for one in resampler.resample(None):
        container.mux(stream.encode(one))
    container.mux(stream.encode(None))
