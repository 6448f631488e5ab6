"""What an encoder makes of files: sizes, sound, numbers burnt in, and codecs, looked at by decoding them again."""

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from media.probe.timecode import frames_to_timecode, timecode_to_frames
from media.renditions.encoder_settings import EncoderSettings, fit_size
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild, close_files
from tests.media.pictures.test_variants import clip_of
from tests.services.media_clips import bytes_of

LIMITS = ResourceLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=2 << 30, written_bytes=1 << 30)


@pytest.fixture(scope="module")
def encoder() -> Iterator[ConfinedChild]:
    with ConfinedChild("media.renditions.encoder", LIMITS) as child:
        yield child


def made(
    encoder: ConfinedChild, target: Path, recipe: EncoderSettings, pictures: Sequence[Path], *sounds: Path, **asked: Any
) -> dict[str, Any]:
    """The answer about a rendition of these files; a picture's own sound is heard too."""
    files = [os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC)]
    heard = [*([pictures] if pictures else []), *([one] for one in sounds)]
    files += [os.open(path, os.O_RDONLY) for path in [*pictures, *(path for some in heard for path in some)]]
    request = {"number": 1, "recipe": asdict(recipe), "parts": len(pictures), "sounds": [len(one) for one in heard]}
    encoder.send(request | asked, files)
    close_files(files)
    said: dict[str, Any] = {}
    while (answer := encoder.receive() or {}).get("done") is not True:
        said = answer.get("result", said)
    return answer if "error" in answer else said


def movie(path: Path, width: int, height: int) -> Path:
    """A black movie without loss, of any size."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        for _ in range(24):
            frame = av.VideoFrame(width, height, "bgr0")
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def tape(path: Path) -> Path:
    """Interlaced pictures of pixels that are wider than high."""
    with av.open(str(path), "w", format="dv") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(720, 576, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def tone(path: Path, is_silent: bool) -> Path:
    """A second of one channel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for start in range(0, 48_000, 1_000):
            frame = av.AudioFrame("s16", "mono", 1_000)
            high, low = (0).to_bytes(2, "little"), (0 if is_silent else 8_000).to_bytes(2, "little")
            frame.planes[0].update((high * 25 + low * 25) * 20)
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(stream.encode(frame))
    return path


def picture(path: Path, number: int = 0) -> av.VideoFrame:
    with av.open(str(path)) as container:
        for place, frame in enumerate(container.decode(video=0)):
            if place == number:
                return frame
    raise AssertionError(number)


def brightest(frame: av.VideoFrame) -> int:
    """Of the lower quarter, in the plane of brightness."""
    plane = bytes(frame.planes[0])
    return max(plane[len(plane) * 3 // 4 :])


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1920, 1080), (1920, 1080)),
        ((3840, 2160), (1920, 1080)),
        ((4096, 2160), (1920, 1012)),
        ((2048, 1556), (1420, 1080)),
        ((2160, 3840), (1080, 1920)),
        ((641, 361), (640, 360)),
        ((480, 270), (480, 270)),
        ((65_535, 3), (1920, 2)),
    ],
)
def test_a_size_is_even_keeps_its_aspect_and_never_grows(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert fit_size(*size, EncoderSettings()) == wanted


@pytest.mark.parametrize(
    ("count", "rate", "drops", "text"),
    [
        (0, 24, False, "00:00:00:00"),
        (86_400 * 24 + 25, 24, False, "00:00:01:01"),
        (1_799, 30, True, "00:00:59;29"),
        (1_800, 30, True, "00:01:00;02"),
        (17_982, 30, True, "00:10:00;00"),
        (107_892, 30, True, "01:00:00;00"),
    ],
)
def test_timecode_counts_as_the_trade_does(count: int, rate: int, drops: bool, text: str) -> None:
    assert frames_to_timecode(count, rate, drops) == text
    assert timecode_to_frames(text, rate) in (count, count - 86_400 * rate)


@pytest.mark.parametrize(
    ("timecode", "rate", "frames"),
    [
        ("10:25:00.500", 24, 37_500 * 24 + 12),
        ("10:25:00.999", 25, 37_500 * 25 + 24),
        ("10:25:00.12", 25, 37_500 * 25 + 12),
        ("10:25:00:119", 120, 37_500 * 120 + 119),
        ("1:00:00:00", 25, 90_000),
        ("00:00:01", 25, 25),
        ("scene 12", 25, 0),
        ("01:02", 25, 0),
        ("", 25, 0),
    ],
)
def test_an_odd_start_is_the_nearest_frame_and_no_timecode_is_zero(timecode: str, rate: int, frames: int) -> None:
    assert timecode_to_frames(timecode, rate) == frames


def test_odd_sides_become_even_and_pixels_square(encoder: ConfinedChild, tmp_path: Path) -> None:
    said = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [movie(tmp_path / "a.mkv", 641, 361)])
    video = said["facts"]["streams"][0]
    assert (video["width"], video["height"], video["pixel_format"]) == (640, 360, "yuv420p")
    video = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [tape(tmp_path / "b.dv")])["facts"]["streams"][0]
    assert (video["width"], video["height"], video["scan"], video["frame_count"]) == (768, 576, "progressive", 5)


def test_parts_of_a_recording_follow_each_other_with_their_sound(encoder: ConfinedChild, tmp_path: Path) -> None:
    part = tmp_path / "a.mp4"
    part.write_bytes(bytes_of("mp4"))
    said = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [part, part])
    assert [one["type"] for one in said["facts"]["streams"]] == ["VIDEO", "AUDIO"]
    assert said["facts"]["streams"][0]["frame_count"] == 96
    assert abs(said["facts"]["duration_milliseconds"] - 4_000) < 100


def test_tracks_of_one_channel_are_left_and_right(encoder: ConfinedChild, tmp_path: Path) -> None:
    left, right = tone(tmp_path / "1.wav", False), tone(tmp_path / "2.wav", True)
    said = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [], left, right)
    assert said["facts"]["streams"][0]["channel_layout"] == "stereo"
    loud = [0.0, 0.0]
    with av.open(str(tmp_path / "o.mp4")) as container:
        for frame in container.decode(audio=0):
            for side, plane in enumerate(frame.planes):
                loud[side] = max(loud[side], *memoryview(plane).cast("B").cast("f"))
    assert loud[0] > 0.1
    assert loud[1] < 0.01


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("5.1", 6), ("none", None)])
def test_sound_has_the_layout_of_the_recipe(
    encoder: ConfinedChild, tmp_path: Path, layout: str, channels: int | None
) -> None:
    clip = tmp_path / "a.mp4"
    clip.write_bytes(bytes_of("mp4"))
    streams = made(encoder, tmp_path / "o.mp4", EncoderSettings(audio=layout), [clip])["facts"]["streams"]
    assert [one["channels"] for one in streams if one["type"] == "AUDIO"] == ([channels] if channels else [])


@pytest.mark.parametrize(("burn", "is_bright"), [("none", False), ("frame", True), ("timecode", True)])
def test_numbers_are_burnt_in_where_asked(encoder: ConfinedChild, tmp_path: Path, burn: str, is_bright: bool) -> None:
    dark = movie(tmp_path / "a.mkv", 320, 180)
    made(encoder, tmp_path / "o.mp4", EncoderSettings(burn=burn), [dark], timecode="01:02:03:04")
    assert (brightest(picture(tmp_path / "o.mp4", 5)) > 180) is is_bright


@pytest.mark.parametrize(
    ("codec", "container", "written"), [("h264", "mp4", "h264"), ("h265", "mp4", "hevc"), ("prores", "mov", "prores")]
)
def test_codecs_are_written_as_asked_with_numbers_too(
    encoder: ConfinedChild, tmp_path: Path, codec: str, container: str, written: str
) -> None:
    clip = tmp_path / "a.mp4"
    clip.write_bytes(bytes_of("mp4"))
    target = tmp_path / f"o.{container}"
    facts = made(encoder, target, EncoderSettings(codec=codec, burn="frame"), [clip])["facts"]
    assert (facts["container"], facts["streams"][0]["codec"]) == (container, written)
    with av.open(str(target)) as there:
        assert there.streams.video[0].codec.name == written


@pytest.mark.parametrize(("codec", "pixels"), [("prores_ks", "yuva444p10le"), ("qtrle", "argb")])
def test_a_transparent_clip_is_laid_over_white(encoder: ConfinedChild, tmp_path: Path, codec: str, pixels: str) -> None:
    """The hidden colour is black here, which players would show."""
    logo = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    logo.paste((0, 0, 0, 255), (0, 0, 48, 64))
    (tmp_path / "a.mov").write_bytes(clip_of(codec, pixels, logo))
    said = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [tmp_path / "a.mov"])
    assert said["facts"]["streams"][0]["frame_count"] == 4
    shown = picture(tmp_path / "o.mp4", 3).reformat(format="gray").planes[0]
    row = bytes(shown)[32 * shown.line_size :]
    assert row[24] < 24
    assert row[80] > 228


def test_a_movie_that_breaks_off_is_encoded_up_to_there(encoder: ConfinedChild, tmp_path: Path) -> None:
    whole = movie(tmp_path / "a.mkv", 64, 64).read_bytes()
    (tmp_path / "b.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    said = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [tmp_path / "b.mkv"])
    assert 0 < said["facts"]["streams"][0]["frame_count"] < 24


def test_what_shows_and_sounds_nothing_is_refused(encoder: ConfinedChild, tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_text("no movie")
    said = made(encoder, tmp_path / "o.mp4", EncoderSettings(), [tmp_path / "a.mov"])
    assert said["kind"] == "unreadable"


def test_grey_floats_keep_their_contrast(encoder: ConfinedChild, tmp_path: Path) -> None:
    """Half of the light is 188 on a screen, a twentieth 63, by the curve of sRGB."""
    codec = av.CodecContext.create("exr", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "grayf32le", Fraction(1, 25)
    frame = av.VideoFrame(64, 48, "grayf32le")
    frame.planes[0].update(struct.pack("<64f", *[0.5] * 32, *[0.05] * 32) * 48)
    path, target = tmp_path / "a.exr", tmp_path / "made.mp4"
    path.write_bytes(b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)]))
    assert "error" not in made(encoder, target, EncoderSettings(), [path])
    with av.open(str(target)) as container:
        shown = next(container.decode(video=0)).to_image()
    assert (shown.getpixel((16, 24))[0], shown.getpixel((48, 24))[0]) == (
        pytest.approx(188, abs=3),
        pytest.approx(63, abs=3),
    )
