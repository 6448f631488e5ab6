"""Renditions lose nothing in silence: every picture is shown, every channel heard, and what is left out is counted.

Numbers of pictures and lengths are those with which the inputs are made.
"""

import struct
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import pi, sin
from pathlib import Path
from typing import Any

import av
import pytest

from media.probe.clocks import PictureTimes, SourceClock
from media.renditions.encoder_settings import EncoderSettings
from media.sandbox.supervisor import ConfinedChild
from tests.media.renditions.test_encoder import LIMITS, made

RATE = 25


@pytest.fixture(scope="module")
def encoder() -> Iterator[ConfinedChild]:
    with ConfinedChild("media.renditions.encoder", LIMITS) as child:
        yield child


def clip(path: Path, count: int, *, start: int = 0, steps: tuple[int, ...] = (1,), **options: str) -> Path:
    """A clip of grey pictures with B-frames; `steps` are the numbers of frames between them, in turn."""
    with av.open(str(path), "w", options=dict(options)) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"bf": "2", "preset": "ultrafast", "tune": "psnr"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.max_b_frames = 2
        at = start
        for number in range(count):
            frame = av.VideoFrame(64, 64, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(number * 37) % 200 + 20]) * plane.buffer_size)
            frame.pts, frame.time_base = at, Fraction(1, RATE)
            at += steps[number % len(steps)]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def joined(folder: Path) -> Path:
    """Two transport streams in one file, of which the second begins 5,000 s later."""
    parts = [clip(folder / f"{number}.ts", 50, start=number * 5_000 * RATE) for number in range(2)]
    whole = folder / "joined.ts"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


def joined_again(folder: Path) -> Path:
    """The same transport stream twice, so that its clock begins again."""
    part = clip(folder / "part.ts", 50, start=20 * RATE)
    whole = folder / "twice.ts"
    whole.write_bytes(part.read_bytes() * 2)
    return whole


def cut(folder: Path) -> Path:
    """Half of an MP4 with its index at the front."""
    whole = clip(folder / "whole.mp4", 50, movflags="+faststart").read_bytes()
    broken = folder / "cut.mp4"
    broken.write_bytes(whole[: len(whole) * 6 // 10])
    return broken


def raw(folder: Path) -> Path:
    return clip(folder / "raw.h264", 50)


PICTURES: dict[str, tuple[Callable[[Path], Path], int | None, float | None, set[str]]] = {
    # kind: file, number of pictures, seconds, notes
    "H.264 with B-frames in AVI": (lambda folder: clip(folder / "a.avi", 100), 100, 4.0, set()),
    "H.264 with B-frames in MP4": (lambda folder: clip(folder / "a.mp4", 50), 50, 2.0, set()),
    "joined streams": (joined, 100, 4.0, {"clock_jumps"}),
    "a stream that begins again": (joined_again, 100, 4.0, set()),
    "a stream without times": (raw, 50, 2.0, set()),
    "pauses between pictures": (lambda folder: clip(folder / "a.mkv", 10, steps=(1, 50)), 10, 8.24, set()),
    "a file that breaks off": (cut, None, None, {"promised_milliseconds"}),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_picture_is_shown_and_every_loss_is_told(encoder: ConfinedChild, tmp_path: Path, kind: str) -> None:
    make, count, seconds, notes = PICTURES[kind]
    target = tmp_path / "made.mp4"
    said = made(encoder, target, EncoderSettings(), [make(tmp_path)])
    assert said.keys() - {"facts", "damaged"} == notes, said
    with av.open(str(target)) as container:
        shown = sum(1 for _ in container.decode(video=0))
        length = container.duration / 1_000_000
    if count is not None and seconds is not None:
        assert (shown, length) == (count, pytest.approx(seconds, abs=0.06))


def waves(path: Path, channels: int) -> Path:
    """A second of tones, of 300 Hz and 150 Hz more for each channel, which nothing names."""
    rate = 48_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        tones = [
            [round(3_000 * sin(2 * pi * (300 + 150 * one) * at / rate)) for at in range(rate)]
            for one in range(channels)
        ]
        file.writeframes(b"".join(struct.pack(f"<{channels}h", *some) for some in zip(*tones, strict=True)))
    return path


def levels(path: Path, frequencies: list[int]) -> list[list[float]]:
    """How loud each frequency is in each channel of a file's sound."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    rate, channels = frames[0].sample_rate, frames[0].layout.nb_channels
    found = []
    for channel in range(channels):
        samples = [
            one
            for frame in frames
            for one in struct.unpack(f"<{frame.samples}f", bytes(frame.planes[channel])[: 4 * frame.samples])
        ]
        middle = samples[rate // 4 : rate // 2]
        found.append([_loudness(middle, frequency, rate) for frequency in frequencies])
    return found


def _loudness(samples: list[float], frequency: int, rate: int) -> float:
    across = [
        (sin(2 * pi * frequency * at / rate), sin(2 * pi * frequency * at / rate + pi / 2))
        for at in range(len(samples))
    ]
    sides = [sum(one * pair[side] for one, pair in zip(samples, across, strict=True)) for side in range(2)]
    return (sides[0] ** 2 + sides[1] ** 2) ** 0.5 / len(samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
def test_channels_without_names_are_heard_odd_left_and_even_right(
    encoder: ConfinedChild, tmp_path: Path, channels: int
) -> None:
    target = tmp_path / "made.mp4"
    said = made(encoder, target, EncoderSettings(), [], waves(tmp_path / "a.wav", channels))
    assert "error" not in said, said
    left, right = levels(target, [300 + 150 * one for one in range(channels)])
    for place in range(channels):
        louder, other = (left, right) if place % 2 == 0 else (right, left)
        assert louder[place] > 0.01
        if channels > 1:
            assert louder[place] > 5 * other[place]


def sound(path: Path, kind: str, layout: str = "stereo", rate: int = 48_000, seconds: int = 1, **options: Any) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(kind, rate=rate, layout=layout, **options)
        size = 1_152
        for number in range(seconds * rate // size):
            frame = av.AudioFrame("s16p" if kind == "libmp3lame" else "fltp", layout, size)
            for plane in frame.planes:
                plane.update(
                    bytes(range(1, 61)) * (plane.buffer_size // 60) + b"\0" * (plane.buffer_size % 60)
                    if kind == "libmp3lame"
                    else b"\0" * plane.buffer_size
                )
            frame.sample_rate, frame.pts = rate, number * size
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def mono_then_stereo(folder: Path) -> Path:
    parts = [sound(folder / f"{layout}.mp3", "libmp3lame", layout, seconds=2) for layout in ("mono", "stereo")]
    whole = folder / "both.mp3"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


def slow_then_fast(folder: Path) -> Path:
    parts = [sound(folder / f"{rate}.mp3", "libmp3lame", rate=rate, seconds=2) for rate in (44_100, 48_000)]
    whole = folder / "both.mp3"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


def stereo_then_surround(folder: Path) -> Path:
    parts = [sound(folder / f"{layout}.ac3", "ac3", layout, seconds=2) for layout in ("stereo", "5.1")]
    whole = folder / "both.ac3"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


SOUNDS: dict[str, tuple[Callable[[Path], Path], float]] = {
    "mono, then stereo": (mono_then_stereo, 4.0),
    "AC-3 in stereo, then 5.1": (stereo_then_surround, 4.0),
    "another rate in mid-stream": (slow_then_fast, 4.0),
    "MP4 without a picture": (lambda folder: sound(folder / "a.mp4", "aac"), 1.0),
    "MOV without a picture": (lambda folder: sound(folder / "a.mov", "aac"), 1.0),
    "WebM without a picture": (lambda folder: sound(folder / "a.webm", "libopus"), 1.0),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_sound_alone_is_heard_whole_whatever_it_changes_to(encoder: ConfinedChild, tmp_path: Path, kind: str) -> None:
    make, seconds = SOUNDS[kind]
    target = tmp_path / "made.mp4"
    said = made(encoder, target, EncoderSettings(), [make(tmp_path)])
    assert "error" not in said, said
    (stream,) = said["facts"]["streams"]
    assert (stream["type"], stream["codec"]) == ("AUDIO", "aac")
    assert said["facts"]["duration_milliseconds"] / 1000 == pytest.approx(seconds, abs=0.2)


FRAME = Fraction(1, 25)
CLOCKS: dict[str, tuple[bool, list[str | None], list[str], int]] = {
    # kind: may jump, times, times that are shown, jumps
    "even": (True, ["0", "1/25", "2/25"], ["0", "1/25", "2/25"], 0),
    "no times": (False, [None, None, None], ["0", "1/25", "2/25"], 0),
    "a pause": (True, ["0", "5", "126/25"], ["0", "5", "126/25"], 0),
    "a jump": (True, ["0", "5000", "125001/25"], ["0", "1/25", "2/25"], 1),
    "a long pause of a clock that does not jump": (False, ["0", "5000"], ["0", "5000"], 0),
    "back to the beginning": (True, ["20", "501/25", "0", "1/25"], ["20", "501/25", "502/25", "503/25"], 1),
    "the same time twice": (False, ["0", "0", "2/25"], ["0", "1/25", "2/25"], 0),
    "a step back": (False, ["1/25", "0", "2/25"], ["1/25", "2/25", "3/25"], 0),
}


@pytest.mark.parametrize("kind", CLOCKS)
def test_times_advance_whatever_the_source_says(kind: str) -> None:
    may_jump, times, shown, jumps = CLOCKS[kind]
    clock = SourceClock(may_jump)
    assert [clock.at(None if time is None else Fraction(time), FRAME) for time in times] == list(map(Fraction, shown))
    assert clock.jumps == jumps


class Timed:
    """The two times of a decoded picture."""

    def __init__(self, pts: int | None, dts: int | None) -> None:
        self.pts, self.dts = pts, dts


@pytest.mark.parametrize(
    ("only_decoding", "times", "ticks"),
    [
        (False, [(0, 0), (1, 1), (2, None)], [0, 1, 2]),
        (False, [(None, 3), (None, 4)], [3, 4]),
        (False, [(1, 2), (3, 3), (2, 4), (5, 5), (4, 6)], [1, 3, 4, 5, 6]),
        (True, [(1, 2), (3, 3), (2, 4), (5, None)], [0, 1, 2, None]),
    ],
)
def test_the_times_of_a_picture_are_those_that_advance(
    only_decoding: bool, times: list[tuple[int | None, int | None]], ticks: list[int | None]
) -> None:
    chosen = PictureTimes(only_decoding)
    assert [chosen.ticks_of(Timed(*pair)) for pair in times] == ticks  # type: ignore[arg-type]
