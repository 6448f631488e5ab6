"""What a person sees of a clip: upright, in its own colours, at the right moments."""

import base64
import io
import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import pytest
from PIL import Image

from media.pictures.picture_store import NotAPictureError, store_picture
from media.sandbox.batch_reader import ReadEnd, ReadItem, ReadOutcome, SandboxReader
from media.sandbox.safe_open import SourceFile
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.services.media_clips import bytes_of

SKY = (40, 60, 110)


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxReader]:
    with ConfinedChild(
        "media.pictures.previews", ResourceLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=512 << 20)
    ) as child:
        yield SandboxReader(child)


def made_of(
    reader: SandboxReader, path: Path, content: bytes, asked: dict[str, Any] | None = None, files: int = 1
) -> ReadOutcome:
    path.write_bytes(content)
    status = path.stat()
    source = SourceFile(os.fsencode(path.parent), os.fsencode(path.name), status.st_size, status.st_mtime_ns)
    return reader.read([ReadItem(1, [source] * files, asked or {})])[0]


def pictures(outcome: ReadOutcome) -> dict[str, dict[str, Any]]:
    assert outcome.end is ReadEnd.READ, outcome
    return {one["type"]: one for one in outcome.result["pictures"]}


def pixel(picture: dict[str, Any], x: int = 2, y: int = 1) -> tuple[int, int, int]:
    with av.open(io.BytesIO(base64.b64decode(picture["data"]))) as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    assert (frame.width, frame.height) == (picture["width"], picture["height"])
    start = y * frame.planes[0].line_size + 3 * x
    return tuple(bytes(frame.planes[0])[start : start + 3])  # type: ignore[return-value]


def is_near(found: tuple[int, int, int], wanted: tuple[int, int, int], by: int = 8) -> bool:
    return all(abs(one - other) <= by for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("kind", ["mp4", "png", "exr"])
def test_a_poster_has_the_colours_of_its_clip_linear_light_too(
    reader: SandboxReader, tmp_path: Path, kind: str
) -> None:
    made = pictures(made_of(reader, tmp_path / f"a.{kind}", bytes_of(kind)))
    poster, small = made["POSTER"], made["KEYFRAME"]
    assert is_near(pixel(poster), SKY), pixel(poster)
    assert ((poster["width"], poster["height"]), (small["width"], small["height"])) == ((480, 270), (320, 180))


def test_a_strip_shows_moments_at_even_distances(reader: SandboxReader, tmp_path: Path) -> None:
    strip = pictures(made_of(reader, tmp_path / "a.mp4", bytes_of("mp4")))["KEYFRAME_MAP"]
    details = strip["details"]
    assert details["times_milliseconds"] == [125, 375, 625, 875, 1125, 1375, 1625, 1875]
    assert (strip["width"], strip["height"]) == (8 * details["tile_width"], details["tile_height"])


def wide_pixels(kind: str, aspect: Fraction, size: tuple[int, int] = (1440, 1080)) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=kind) as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height = size
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(8):
            picture = av.VideoFrame(*size, "yuv420p")
            for plane in picture.planes:
                plane.update(b"\x80" * plane.buffer_size)
            picture.pts, picture.time_base = number, Fraction(1, 8)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize(
    ("aspect", "poster", "keyframe"),
    [(Fraction(4, 3), (1280, 720), (320, 180)), (Fraction(1, 2), (720, 1080), (213, 320))],
)
@pytest.mark.parametrize("kind", ["mov", "matroska"])
def test_pixels_that_are_not_square_become_it(
    reader: SandboxReader,
    tmp_path: Path,
    kind: str,
    aspect: Fraction,
    poster: tuple[int, int],
    keyframe: tuple[int, int],
) -> None:
    made = pictures(made_of(reader, tmp_path / f"a.{kind}", wide_pixels(kind, aspect)))
    strip = made["KEYFRAME_MAP"]["details"]
    assert [(made[one]["width"], made[one]["height"]) for one in ("POSTER", "KEYFRAME")] == [poster, keyframe]
    assert Fraction(strip["tile_width"], strip["tile_height"]) == pytest.approx(Fraction(*keyframe), rel=0.03)


def test_a_frame_of_film_through_a_squeezing_lens_is_stretched(reader: SandboxReader, tmp_path: Path) -> None:
    context = av.CodecContext.create("exr", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, "gbrpf32le", Fraction(1, 25)
    context.sample_aspect_ratio = Fraction(2)
    frame = b"".join(bytes(one) for one in [*context.encode(av.VideoFrame(64, 48, "gbrpf32le")), *context.encode(None)])
    poster = pictures(made_of(reader, tmp_path / "a.exr", frame))["POSTER"]
    assert (poster["width"], poster["height"]) == (128, 48)


def test_a_sequence_shows_its_frames_at_its_rate(reader: SandboxReader, tmp_path: Path) -> None:
    asked = {"numbers": [1001, 1013, 1025], "first": 1001, "step": 1, "rate": "24", "milliseconds": 2000}
    strip = pictures(made_of(reader, tmp_path / "a.exr", bytes_of("exr"), asked, files=3))["KEYFRAME_MAP"]
    assert strip["details"]["times_milliseconds"] == [0, 500, 1000]
    assert is_near(pixel(strip), SKY)


def test_a_sound_shows_how_loud_it_is(reader: SandboxReader, tmp_path: Path) -> None:
    wave = pictures(made_of(reader, tmp_path / "a.wav", bytes_of("wav")))["POSTER"]
    assert (wave["media_type"], wave["width"], wave["height"]) == ("image/png", 1280, 320)
    assert pixel(wave, 640, 160) == (0x4A, 0x90, 0xD9)


def test_a_long_clip_is_jumped_through(reader: SandboxReader, tmp_path: Path) -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "48", "preset": "ultrafast"})
        stream.width, stream.height = 64, 36
        for number in range(24 * 20):
            picture = av.VideoFrame(64, 36, "yuv420p")
            for plane, value in zip(picture.planes, (number // 24 * 12, 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            picture.pts, picture.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    times = pictures(made_of(reader, tmp_path / "a.mp4", target.getvalue()))["KEYFRAME_MAP"]["details"]
    assert times["count"] == 60
    distances = [b - a for a, b in zip(times["times_milliseconds"], times["times_milliseconds"][1:], strict=False)]
    assert min(distances) > 250
    assert max(distances) < 420


def test_a_clip_that_breaks_off_shows_what_is_there(reader: SandboxReader, tmp_path: Path) -> None:
    broken = bytes_of("png")[:-600]
    outcome = made_of(reader, tmp_path / "a.png", broken)
    assert outcome.end in (ReadEnd.READ, ReadEnd.UNREADABLE)
    assert made_of(reader, tmp_path / "b.mov", b"Notes\n" * 99).end is ReadEnd.UNREADABLE


def test_a_bomb_is_refused_and_the_next_file_is_shown(reader: SandboxReader, tmp_path: Path) -> None:
    head = bytes_of("png")
    size = struct.pack(">II", 30_000, 30_000)
    outcome = made_of(reader, tmp_path / "bomb.png", head[:16] + size + head[24:])
    assert outcome.end in (ReadEnd.UNREADABLE, ReadEnd.LIMIT), outcome
    assert made_of(reader, tmp_path / "a.png", head).end is ReadEnd.READ


def test_a_picture_that_needs_more_memory_than_a_reader_has_says_so(tmp_path: Path) -> None:
    target = io.BytesIO()
    Image.new("RGB", (9_000, 9_000)).save(target, "PNG")
    limits = ResourceLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=160 << 20)
    with ConfinedChild("media.pictures.previews", limits) as child:
        reader = SandboxReader(child)
        outcome = made_of(reader, tmp_path / "a.png", target.getvalue())
        assert (outcome.end, outcome.reason) == (
            *(ReadEnd.UNREADABLE, "a.png: cannot be shown: it needs more memory than a reader may take"),
        )
        assert made_of(reader, tmp_path / "b.png", bytes_of("png")).end is ReadEnd.READ


def test_what_is_no_picture_is_not_kept_as_one(tmp_path: Path) -> None:
    owner = uuid4()
    with pytest.raises(NotAPictureError):
        store_picture(tmp_path, owner, "POSTER", "image/jpeg", b"<script>")
    first, again = (store_picture(tmp_path, owner, "POSTER", "image/png", b"\x89PNG\r\n\x1a\n1") for _ in range(2))
    assert first == again
    assert [path.name for path in tmp_path.rglob(".*")] == []
