"""A row for each kind of film frame: its size, and its colours or the reason why it has none.

The EXR frames were written with OpenEXR 3.5.3: the upper half (0.6, 0.2, 0.1) in linear light, the lower half
(0.05, 0.1, 0.4). Their colours on a screen are computed from the curve of sRGB. Sizes are those of `exrinfo`. DPX
frames are written here, with the header fields of SMPTE 268: their rates and timecodes are those that were written.
"""

import base64
import importlib.util
import io
import os
import struct
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from media.pictures.previews import render_previews
from media.probe.headers import read_header
from media.sandbox.batch_reader import ReadEnd, ReadItem, SandboxReader
from media.sandbox.protocol import UnreadableError
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.media.pictures.test_variants import film_frame
from tests.media.sandbox.test_supervisor import source

HAS_OPENEXR = importlib.util.find_spec("OpenEXR") is not None
FRAMES = Path(__file__).parent / "exr"
Color = tuple[int, int, int]
UPPER, LOWER, BLACK = (203, 124, 89), (63, 89, 170), (0, 0, 0)


class Frame(NamedTuple):
    """What is expected of a frame."""

    why: str | None = None
    """Why it cannot be shown."""
    is_extra: bool = False
    """OpenEXR shows it, where it is installed."""
    size: tuple[int, int] = (24, 16)
    upper: Color = UPPER
    lower: Color = LOWER
    bits: int = 16
    shown: tuple[int, int] | None = None
    """Size of the poster, if the pixels are not square."""


NO_DECODER = "it is compressed with {}, which has no decoder here"
EXR: dict[str, Frame] = {
    **{f"c_{name}": Frame() for name in ("RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB")},
    **{f"c_{name}": Frame(NO_DECODER.format(name.lower()), is_extra=True) for name in ("HTJ2K256", "HTJ2K32")},
    "float32": Frame(bits=32),
    "tiled": Frame(),
    "mixed_types": Frame(),
    "rgb_float_z_half": Frame(bits=32),
    "rgb_and_layers": Frame(),
    "nan_inf": Frame(),
    "multipart_beauty_first": Frame(),
    # Colours are multiplied with alpha: half as bright, and not hidden by an alpha of zero.
    "rgba_alpha0": Frame(),
    "rgba_half": Frame(upper=(149, 89, 63), lower=(44, 63, 124)),
    "y_only": Frame(upper=(144, 144, 144), lower=(94, 94, 94)),
    "anamorphic": Frame(shown=(48, 16)),
    # The display window is what is shown: larger than the data, or a part of them.
    "inset": Frame(size=(40, 32), upper=UPPER, lower=BLACK),
    "overscan": Frame(size=(16, 8)),
    "z_only": Frame("it has no channel R, G, B or Y, only Z"),
    "id_only": Frame("it has no channel R, G, B or Y, only id"),
    "layers_only": Frame("it has no channel R, G, B or Y, only beauty.B, beauty.G, beauty.R, depth.Z", is_extra=True),
    "rg_only": Frame("of the channels R, G and B it has only G, R"),
    "multipart_depth_first": Frame("it has no channel R, G, B or Y, only Z", is_extra=True),
}


def read_both(path: Path) -> tuple[dict[str, Any], Image.Image | str]:
    """The facts of a frame, and its poster or the reason why there is none."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        facts = read_header(descriptor, path.name)
        said = render_previews({}, [descriptor])
    except UnreadableError as error:
        return facts, str(error)
    finally:
        os.close(descriptor)
    return facts, Image.open(io.BytesIO(base64.b64decode(said["pictures"][0]["data"]))).convert("RGB")


def is_near(one: Color, other: Color) -> bool:
    return all(abs(a - b) <= 7 for a, b in zip(one, other, strict=True))


def test_every_frame_has_a_row() -> None:
    assert {path.stem for path in FRAMES.glob("*.exr")} == set(EXR)


@pytest.mark.parametrize("name", EXR)
def test_an_exr_frame_has_its_size_and_its_colours_or_a_reason(name: str) -> None:
    wanted = EXR[name]
    facts, poster = read_both(FRAMES / f"{name}.exr")
    (stream,) = facts["streams"]
    assert (facts["container"], stream["type"], stream["width"], stream["height"]) == ("exr", "IMAGE", *wanted.size)
    if wanted.why is not None and (not HAS_OPENEXR or not wanted.is_extra):
        assert poster == f"cannot be shown: {wanted.why}"
        return
    assert wanted.why is not None or stream["bits_per_component"] == wanted.bits
    assert isinstance(poster, Image.Image), poster
    width, height = poster.size
    assert poster.size == (wanted.shown or wanted.size)
    assert is_near(poster.getpixel((width // 2, height // 4)), wanted.upper)
    assert is_near(poster.getpixel((width // 2, height - 2)), wanted.lower)


def test_an_attribute_beyond_64_kilobytes_hides_nothing(tmp_path: Path) -> None:
    content = (FRAMES / "c_ZIP.exr").read_bytes()
    attribute = b"comments\0string\0" + struct.pack("<I", 70_000) + b"x" * 70_000
    table = content.index(b"screenWindowWidth\0")
    end = content.index(b"\0", table + len(b"screenWindowWidth\0float\0") + 8)
    (first,) = struct.unpack_from("<Q", content, end + 1)
    moved = struct.pack("<Q", first + len(attribute))
    path = tmp_path / "a.exr"
    path.write_bytes(content[:8] + attribute + content[8 : end + 1] + moved + content[end + 9 :])
    facts, poster = read_both(path)
    assert (facts["display_window"], facts["channel_names"]) == ([0, 0, 23, 15], ["B", "G", "R"])
    assert isinstance(poster, Image.Image), poster


def luma_and_chroma() -> bytes:
    """A frame as cameras of the first years wrote it: chroma of every second line and column, without compression."""

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<I", len(value)) + value

    def channel(name: str, step: int) -> bytes:
        return name.encode() + b"\0" + struct.pack("<iIii", 1, 0, step, step)

    window = struct.pack("<4i", 0, 0, 23, 15)
    head = b"\x76\x2f\x31\x01" + struct.pack("<I", 2)
    head += attribute("channels", "chlist", channel("BY", 2) + channel("RY", 2) + channel("Y", 1) + b"\0")
    head += attribute("compression", "compression", b"\0") + attribute("dataWindow", "box2i", window)
    head += attribute("displayWindow", "box2i", window) + attribute("lineOrder", "lineOrder", b"\0")
    head += attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += attribute("screenWindowCenter", "v2f", bytes(8))
    head += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    lines = []
    for row in range(16):
        red, green, blue = (0.6, 0.2, 0.1) if row < 8 else (0.05, 0.1, 0.4)
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        chroma = struct.pack("<e", (blue - luma) / luma) * 12 + struct.pack("<e", (red - luma) / luma) * 12
        data = (chroma if row % 2 == 0 else b"") + struct.pack("<e", luma) * 24
        lines.append(struct.pack("<iI", row, len(data)) + data)
    offsets, place = b"", len(head) + 8 * 16
    for line in lines:
        offsets += struct.pack("<Q", place)
        place += len(line)
    return head + offsets + b"".join(lines)


def test_luminance_and_chroma_are_colours_again(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    path.write_bytes(luma_and_chroma())
    facts, poster = read_both(path)
    assert facts["channel_names"] == ["BY", "RY", "Y"]
    if not HAS_OPENEXR:
        assert poster == "cannot be shown: its colours are stored as luminance and chroma, which has no decoder here"
        return
    assert isinstance(poster, Image.Image), poster
    assert is_near(poster.getpixel((12, 4)), UPPER)
    assert is_near(poster.getpixel((12, 14)), LOWER)


def test_layers_are_read_in_the_sandbox() -> None:
    """OpenEXR gets bytes, for a confined process opens nothing."""
    pytest.importorskip("OpenEXR")
    names = [name for name, frame in EXR.items() if frame.is_extra]
    with ConfinedChild("media.pictures.previews", ResourceLimits()) as child:
        items = [ReadItem(name, [source(FRAMES / f"{name}.exr")]) for name in names]
        outcomes = {one.item.key: (one.end, one.reason) for one in SandboxReader(child).read(items)}
    assert outcomes == dict.fromkeys(names, (ReadEnd.READ, ""))


def dpx(*fields: tuple[int, str, float], pixels: str = "gbrp10be") -> bytes:
    """A grey DPX frame of 64x48 in 10 bits, with fields of its header: offset, struct format, value."""
    frame = film_frame("dpx", pixels)
    for place in (1920, 1940, 1724):
        frame[place : place + 4] = b"\xff" * 4
    for place, form, value in fields:
        struct.pack_into(form, frame, place, value)
    return bytes(frame)


RATE, FILM_RATE, TIMECODE, ASPECT = 1940, 1724, 1920, 1628
DPX: dict[str, tuple[bytes, dict[str, Any], str | None]] = {
    # kind: content, facts, why it cannot be shown
    "no rate": (dpx(), {}, None),
    "23.976": (dpx((RATE, ">f", 23.976)), {"file_frame_rate": "24000/1001"}, None),
    "23.98": (dpx((RATE, ">f", 23.98)), {"file_frame_rate": "24000/1001"}, None),
    "24": (dpx((RATE, ">f", 24)), {"file_frame_rate": "24/1"}, None),
    "29.97": (dpx((RATE, ">f", 29.97)), {"file_frame_rate": "30000/1001"}, None),
    "59.94": (dpx((RATE, ">f", 59.94)), {"file_frame_rate": "60000/1001"}, None),
    "the rate of the film": (dpx((FILM_RATE, ">f", 25)), {"file_frame_rate": "25/1"}, None),
    "an infinite rate": (dpx((RATE, ">f", float("inf"))), {}, None),
    "timecode": (dpx((TIMECODE, ">I", 0x10111213)), {"timecode_start": "10:11:12:13"}, None),
    "timecode, little endian": (
        dpx((TIMECODE, "<I", 0x10111213), pixels="gbrp10le"),
        *({"timecode_start": "10:11:12:13"}, None),
    ),
    "drop frames": (dpx((TIMECODE, ">I", 0x01020344)), {"timecode_start": "01:02:03;04"}, None),
    "half of it": (dpx()[:5_000], {}, "its dpx data are damaged or break off"),
    "only the header": (dpx()[:2_048], {}, "its dpx data are damaged or break off"),
    "less than the header": (dpx()[:1_000], {}, "its dpx data are damaged or break off"),
}


@pytest.mark.parametrize("kind", DPX)
def test_a_dpx_frame_says_its_rate_and_timecode(tmp_path: Path, kind: str) -> None:
    content, wanted, why = DPX[kind]
    path = tmp_path / "a.dpx"
    path.write_bytes(content)
    facts, poster = read_both(path)
    (stream,) = facts["streams"]
    assert {name: facts[name] for name in ("file_frame_rate", "timecode_start") if name in facts} == wanted
    assert (stream["type"], stream["width"], stream["height"]) == ("IMAGE", 64, 48)
    assert poster == f"cannot be shown: {why}" if why else isinstance(poster, Image.Image)


def test_pixels_of_a_dpx_frame_that_are_twice_as_wide_are_shown_so(tmp_path: Path) -> None:
    path = tmp_path / "a.dpx"
    path.write_bytes(dpx((ASPECT, ">I", 2), (ASPECT + 4, ">I", 1)))
    facts, poster = read_both(path)
    assert facts["streams"][0]["pixel_aspect"] == "2"
    assert isinstance(poster, Image.Image)
    assert poster.size == (128, 48)
