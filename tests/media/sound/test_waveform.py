"""A waveform shows all of a sound, of any length, and with channels that change on the way."""

import base64
import io
import math
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from media.sandbox.batch_reader import SandboxReader
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from media.sound.waveform import MAX_PEAKS, WAVE_HEIGHT, WAVE_WIDTH, PeakList, draw_waveform
from tests.media.pictures.test_previews import made_of, pictures

RATE = 48_000


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxReader]:
    limits = ResourceLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=768 << 20)
    with ConfinedChild("media.pictures.previews", limits) as child:
        yield SandboxReader(child)


def encode(
    form: str, codec: str, layout: str = "stereo", level: float = 0.5, rate: int = RATE, seconds: float = 1.0
) -> bytes:
    """A tone in all channels; `level` is its peak."""
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        kind = stream.codec_context.format.name
        planar, size = kind.endswith("p"), stream.codec_context.frame_size or 1_024
        channels = av.AudioLayout(layout).nb_channels
        for number in range(int(seconds * rate) // size):
            tone = [level * math.sin(2 * math.pi * 440 * (number * size + at) / rate) for at in range(size)]
            samples = array("f", tone) if kind.startswith("flt") else array("h", (round(32_767 * one) for one in tone))
            frame = av.AudioFrame(kind, layout, size)
            if planar:
                for plane in frame.planes:
                    plane.update(samples.tobytes().ljust(plane.buffer_size, b"\0"))
            else:
                woven = array(samples.typecode, (one for one in samples for _ in range(channels)))
                frame.planes[0].update(woven.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate, frame.pts, frame.time_base = rate, number * size, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def two_channels_named_in_another_order() -> bytes:
    """A MOV whose channels have an order of their own: right, then left (the labels 2 and 1 of its box `chan`)."""
    content = encode("mov", "pcm_s16le")
    place = content.index(b"chan") - 4
    size = int.from_bytes(content[place : place + 4], "big")
    labels = b"".join(label.to_bytes(4, "big") + bytes(16) for label in (2, 1))
    box = b"chan" + bytes(4) + bytes(4) + bytes(4) + (2).to_bytes(4, "big") + labels
    made = content[:place] + (len(box) + 4).to_bytes(4, "big") + box + content[place + size :]
    more = len(box) + 4 - size
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"sowt"):
        at = made.index(name) - 4
        made = made[:at] + (int.from_bytes(made[at : at + 4], "big") + more).to_bytes(4, "big") + made[at + 4 :]
    return made


SOUNDS = {
    "MP3, mono then stereo": lambda: encode("mp3", "libmp3lame", "mono") + encode("mp3", "libmp3lame"),
    "MP3, another rate": lambda: encode("mp3", "libmp3lame", rate=44_100) + encode("mp3", "libmp3lame"),
    "AC-3, stereo then 5.1": lambda: encode("ac3", "ac3") + encode("ac3", "ac3", "5.1"),
    "MP2 in a transport stream": lambda: encode("mpegts", "mp2", "mono"),
    "three channels without names": lambda: encode("wav", "pcm_s16le", "3 channels"),
    "sixteen channels without names": lambda: encode("wav", "pcm_s16le", "16 channels"),
    "7.1": lambda: encode("mov", "pcm_s16le", "7.1"),
    "channels in an order of their own": two_channels_named_in_another_order,
    "AAC alone in MP4": lambda: encode("mp4", "aac", "mono"),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_waveform_is_drawn_to_its_end(reader: SandboxReader, tmp_path: Path, kind: str) -> None:
    wave = pictures(made_of(reader, tmp_path / "a", SOUNDS[kind]()))["POSTER"]
    assert (wave["media_type"], wave["width"], wave["height"]) == ("image/png", WAVE_WIDTH, WAVE_HEIGHT)


@pytest.mark.parametrize("level", [0.0, 0.25, 1.0])
def test_the_height_of_a_wave_is_its_level(level: float) -> None:
    with av.open(io.BytesIO(encode("wav", "pcm_s16le", level=level))) as container:
        drawn = draw_waveform(container, container.streams.audio[0])
    assert drawn is not None
    for column in (10, 640, 1270):
        some = drawn.crop((column - 8, 0, column + 9, WAVE_HEIGHT)).getbbox()  # a column is shorter than a cycle
        assert some is not None
        assert abs(some[3] - some[1] - (1 + level * (WAVE_HEIGHT - 2))) < 8, column


def test_a_loud_moment_of_a_long_sound_is_not_averaged_away() -> None:
    """Two minutes of silence with one loud millisecond: the peaks are merged many times."""
    peaks = PeakList()
    silence, loud = av.AudioFrame("fltp", "mono", 1_024), av.AudioFrame("fltp", "mono", 1_024)
    silence.planes[0].update(bytes(silence.planes[0].buffer_size))
    loud.planes[0].update((array("f", [0.0] * 500 + [0.9] * 48 + [0.0] * 476)).tobytes())
    for number in range(120 * RATE // 1_024):
        peaks.add(loud if number == 3_000 else silence)
    assert len(peaks.peaks) < MAX_PEAKS
    columns = [high for _, high in peaks.columns(WAVE_WIDTH)]
    (place,) = [column for column, high in enumerate(columns) if high > 0.5]
    assert abs(place / WAVE_WIDTH - 3_000 * 1_024 / (120 * RATE)) < 0.002


def test_the_default_sound_is_drawn(reader: SandboxReader, tmp_path: Path) -> None:
    """Of a quiet first track and a loud second one, which is the default."""
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        for number, level in enumerate((0.05, 0.9)):
            with av.open(io.BytesIO(encode("wav", "pcm_s16le", "mono", level))) as source:
                stream = container.add_stream_from_template(source.streams.audio[0])
                stream.disposition = type(stream.disposition).default if number else type(stream.disposition)(0)
        for number, level in enumerate((0.05, 0.9)):
            with av.open(io.BytesIO(encode("wav", "pcm_s16le", "mono", level))) as source:
                for packet in source.demux(audio=0):
                    if packet.size:
                        packet.stream = container.streams.audio[number]
                        container.mux(packet)
    wave = pictures(made_of(reader, path, path.read_bytes()))["POSTER"]
    shown = tall_columns(wave)
    assert shown > 0.8


def tall_columns(wave: dict[str, str]) -> float:
    """The part of the columns of a wave that are higher than half of the picture."""
    drawn = Image.open(io.BytesIO(base64.b64decode(wave["data"])))
    upper = [drawn.getpixel((column, WAVE_HEIGHT // 4))[3] for column in range(WAVE_WIDTH)]
    return sum(1 for one in upper if one) / WAVE_WIDTH
