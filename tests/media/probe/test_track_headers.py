"""What FFmpeg does not say of a track is read from its container: orientation, and pictures without a decoder."""

import io
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from media.probe.headers import read_header
from media.probe.orientation import Orientation, orientation_of_matrix
from media.probe.track_headers import read_track_headers


def clip(form: str, codec: str = "mpeg4", pixels: str = "yuv420p", **turned: Any) -> bytes:
    """Twelve grey pictures of 64x48."""
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if turned:
            stream.set_display_rotation(**turned)
        for number in range(12):
            picture = av.VideoFrame(64, 48, pixels)
            for plane in picture.planes:
                plane.update(b"\x80" * plane.buffer_size)
            picture.pts, picture.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return target.getvalue()


def sound(form: str, brand: str) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=form, container_options={"brand": brand}) as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        silence = av.AudioFrame(format="s16", layout="mono", samples=4_800)
        silence.planes[0].update(bytes(silence.planes[0].buffer_size))
        silence.sample_rate, silence.pts, silence.time_base = 48_000, 0, Fraction(1, 48_000)
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    return target.getvalue()


def facts_of(path: Path, content: bytes) -> dict[str, Any]:
    path.write_bytes(content)
    with path.open("rb") as file:
        return read_header(file.fileno(), path.name)


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("a.mov", lambda: clip("mov", "mjpeg", "yuvj420p").replace(b"jpeg", b"brhq"), "brhq"),
        ("a.avi", lambda: clip("avi").replace(b"FMP4", b"CFXX"), "cfxx"),
        ("a.mkv", lambda: clip("matroska").replace(b"V_MPEG4/ISO/ASP", b"V_UNKNOWN/1/ABC"), "v_unknown/1/abc"),
    ],
)
def test_pictures_without_a_decoder_have_code_size_rate_and_duration(
    tmp_path: Path, name: str, make: Callable[[], bytes], code: str
) -> None:
    facts = facts_of(tmp_path / name, make())
    (picture,) = facts["streams"]
    assert (picture["type"], picture["codec"], picture["width"], picture["height"]) == ("VIDEO", code, 64, 48)
    assert picture["frame_rate"] == "24/1"
    assert facts["duration_milliseconds"] == 500


@pytest.mark.parametrize(
    ("turned", "size", "rotation", "mirrored"),
    [
        ({"degrees": 0}, (64, 48), None, None),
        ({"degrees": 90}, (48, 64), 270, None),
        ({"degrees": -90}, (48, 64), 90, None),
        ({"degrees": 180}, (64, 48), 180, None),
        ({"degrees": 0, "hflip": True}, (64, 48), None, True),
        ({"degrees": 0, "vflip": True}, (64, 48), 180, True),
        ({"degrees": 90, "hflip": True}, (48, 64), 90, True),
        ({"degrees": -90, "hflip": True}, (48, 64), 270, True),
    ],
)
@pytest.mark.parametrize("form", ["mp4", "matroska"])
def test_size_is_that_of_the_upright_picture_and_rotation_a_fact(
    tmp_path: Path,
    form: str,
    turned: dict[str, Any],
    size: tuple[int, int],
    rotation: int | None,
    mirrored: bool | None,
) -> None:
    (picture,) = facts_of(tmp_path / "a", clip(form, **turned))["streams"]
    assert (picture["width"], picture["height"]) == size
    assert (picture.get("rotation"), picture.get("mirrored")) == (rotation, mirrored)


@pytest.mark.parametrize(
    ("name", "make", "container"),
    [
        ("a.m4a", lambda: sound("ipod", "M4A "), "m4a"),
        ("a.3gp", lambda: sound("3gp", "3gp4"), "3gp"),
        ("a.mp4", lambda: clip("mp4"), "mp4"),
        ("a.mov", lambda: clip("mov"), "mov"),
    ],
)
def test_a_container_has_the_name_of_its_brand(
    tmp_path: Path, name: str, make: Callable[[], bytes], container: str
) -> None:
    assert facts_of(tmp_path / name, make())["container"] == container


@pytest.mark.parametrize("form", ["mov", "avi", "matroska"])
def test_a_container_that_breaks_off_gives_what_was_there(tmp_path: Path, form: str) -> None:
    content = clip(form)
    for length in range(0, len(content), 7):
        path = tmp_path / "a"
        path.write_bytes(content[:length])
        descriptor = os.open(path, os.O_RDONLY)
        try:
            assert len(read_track_headers(descriptor, form)) <= 1
        finally:
            os.close(descriptor)


@pytest.mark.parametrize(
    ("matrix", "orientation"),
    [
        ((1, 0, 0, 1), Orientation.UPRIGHT),
        ((-1, 0, 0, 1), Orientation.MIRROR),
        ((-1, 0, 0, -1), Orientation.HALF_TURN),
        ((1, 0, 0, -1), Orientation.FLIP),
        ((0, 1, 1, 0), Orientation.TRANSPOSE),
        ((0, 1, -1, 0), Orientation.CLOCKWISE),
        ((0, -1, -1, 0), Orientation.TRANSVERSE),
        ((0, -1, 1, 0), Orientation.COUNTERCLOCKWISE),
        ((0, 0, 0, 0), Orientation.UPRIGHT),
        ((9, 1, -1, 9), Orientation.UPRIGHT),
    ],
)
def test_a_display_matrix_is_the_nearest_orientation(
    matrix: tuple[int, int, int, int], orientation: Orientation
) -> None:
    assert orientation_of_matrix(*matrix) is orientation
