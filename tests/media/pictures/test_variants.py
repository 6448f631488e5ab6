"""What cannot be shown says why; what can be shown is in its colours, over white and upright, without a profile."""

import base64
import io
import os
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageCms

from media.sandbox.batch_reader import ReadEnd, ReadItem, ReadOutcome, SandboxReader
from media.sandbox.exr_windows import iter_exr_attributes
from media.sandbox.safe_open import SourceFile
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.services.media_clips import bytes_of

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxReader]:
    limits = ResourceLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=768 << 20)
    with ConfinedChild("media.pictures.previews", limits) as child:
        yield SandboxReader(child)


def render(reader: SandboxReader, path: Path, content: bytes) -> ReadOutcome:
    path.write_bytes(content)
    status = path.stat()
    source = SourceFile(os.fsencode(path.parent), os.fsencode(path.name), status.st_size, status.st_mtime_ns)
    return reader.read([ReadItem(1, [source])])[0]


def poster_of(outcome: ReadOutcome) -> Image.Image:
    assert outcome.end is ReadEnd.READ, outcome
    (said,) = [one for one in outcome.result["pictures"] if one["type"] == "POSTER"]
    return Image.open(io.BytesIO(base64.b64decode(said["data"])))


def film_frame(codec: str, pixels: str) -> bytearray:
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, pixels, Fraction(1, 25)
    picture = av.VideoFrame(64, 48, pixels)
    for plane in picture.planes:
        plane.update(bytes(plane.buffer_size))
    return bytearray(b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)]))


def exr(old: bytes, new: bytes) -> bytes:
    """A frame with other bytes in its header: one that no encoder here writes."""
    frame = film_frame("exr", "gbrpf32le")
    place = frame.index(old)
    frame[place : place + len(new)] = new
    return bytes(frame)


def exr_channels(*names: bytes) -> bytes:
    frame = film_frame("exr", "gbrpf32le")
    place = frame.index(b"chlist\0") + len(b"chlist\0") + 4
    for number, name in enumerate(names):
        frame[place + 18 * number : place + 18 * number + 1] = name
    return bytes(frame)


def dpx(place: int, value: bytes) -> bytes:
    frame = film_frame("dpx", "gbrp10be")
    frame[place : place + len(value)] = value
    return bytes(frame)


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("deep.exr", lambda: exr(b"\x76\x2f\x31\x01", b"\x76\x2f\x31\x01\x02\x08"), "it holds deep samples"),
        ("j2k.exr", lambda: exr(b"compression\0compression\0\1\0\0\0", b"compression\0compression\0\1\0\0\0\x0a"),
         "it is compressed with htj2k256"),
        ("z.exr", lambda: exr_channels(b"U", b"V", b"W"), "it has no channel R, G, B or Y, only U, V, W"),
        ("packed.dpx", lambda: dpx(804, b"\x00\x00"), "its 10-bit components are packed without padding"),
        ("depth.dpx", lambda: dpx(800, b"\x08"), "it holds only depth in 10 bits"),
        ("rle.dpx", lambda: dpx(806, b"\x00\x01"), "its DPX data are run-length encoded"),
        ("short.exr", lambda: bytes(film_frame("exr", "gbrpf32le")[:400]), "its exr data are damaged or break off"),
        ("short.dpx", lambda: bytes(film_frame("dpx", "gbrp10be")[:4000]), "its dpx data are damaged or break off"),
    ],
)  # fmt: skip
def test_a_frame_without_a_decoder_says_why(
    reader: SandboxReader, tmp_path: Path, name: str, make: Callable[[], bytes], why: str
) -> None:
    outcome = render(reader, tmp_path / name, make())
    assert (outcome.end, outcome.reason[: len(name) + 19 + len(why)]) == (
        ReadEnd.UNREADABLE,
        f"{name}: cannot be shown: {why}"[: len(name) + 19 + len(why)],
    )


def striped_exr(left: int = 0, top: int = 0) -> bytes:
    """A frame whose upper half is red, with both windows at another place."""
    context = av.CodecContext.create("exr", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, "gbrpf32le", Fraction(1, 25)
    picture = av.VideoFrame(64, 48, "gbrpf32le")
    for number, plane in enumerate(picture.planes):  # green, blue, red
        rows = [struct.pack("<f", float(number == 2 and row < 24)) * 64 for row in range(48)]
        plane.update(b"".join(line.ljust(plane.line_size, b"\0") for line in rows))
    frame = bytearray(b"".join(bytes(one) for one in [*context.encode(picture), *context.encode(None)]))
    for name in (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0"):
        place = frame.index(name) + len(name) + 4
        struct.pack_into("<4i", frame, place, left, top, left + 63, top + 47)
    table = max(one.offset + one.size for one in iter_exr_attributes(bytes(frame))) + 1
    (first,) = struct.unpack_from("<Q", frame, table)
    for place in range(table, first, 8):
        (block,) = struct.unpack_from("<Q", frame, place)
        (line,) = struct.unpack_from("<i", frame, block)
        struct.pack_into("<i", frame, block, line + top)
    return bytes(frame)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (1000, 500), (-50, -30), (0, 7), (7, 0)])
def test_a_frame_is_shown_wherever_its_display_window_begins(
    reader: SandboxReader, tmp_path: Path, left: int, top: int
) -> None:
    """OpenEXR and OpenImageIO show the same picture for each; FFmpeg alone a black one."""
    poster = poster_of(render(reader, tmp_path / "a.exr", striped_exr(left, top)))
    assert poster.size == (64, 48)
    assert poster.getpixel((30, 8))[0] > 230
    assert max(poster.getpixel((30, 40))) < 20


def clip_of(
    codec: str,
    pixels: str,
    picture: Image.Image,
    *,
    form: str = "mov",
    options: dict[str, str] | None = None,
    **orientation: Any,
) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=8, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *picture.size, pixels
        if orientation:
            stream.set_display_rotation(**orientation)
        mode = "rgba" if picture.mode == "RGBA" else "rgb24"
        for number in range(4):
            frame = av.VideoFrame(*picture.size, mode)
            frame.planes[0].update(padded(picture, frame.planes[0].line_size))
            frame.pts, frame.time_base = number, Fraction(1, 8)
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return target.getvalue()


def padded(picture: Image.Image, line_size: int) -> bytes:
    row = picture.width * len(picture.mode)
    data = picture.tobytes()
    return b"".join(data[at : at + row].ljust(line_size, b"\0") for at in range(0, len(data), row))


@pytest.mark.parametrize(("codec", "pixels"), [("prores_ks", "yuva444p10le"), ("qtrle", "argb"), ("png", "rgba")])
def test_a_transparent_clip_is_shown_over_white(reader: SandboxReader, tmp_path: Path, codec: str, pixels: str) -> None:
    logo = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    logo.paste((0, 0, 0, 255), (0, 0, 48, 64))
    poster = poster_of(render(reader, tmp_path / "a.mov", clip_of(codec, pixels, logo)))
    assert max(poster.getpixel((24, 32))) < 12, "black stays black"
    assert min(poster.getpixel((80, 32))) > 243, "and what is transparent is white"


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_a_transparent_clip_of_a_browser_is_shown_over_white(reader: SandboxReader, tmp_path: Path, codec: str) -> None:
    """FFmpeg's own decoders of VP8 and VP9 leave alpha out."""
    logo = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    logo.paste((0, 0, 0, 255), (0, 0, 48, 64))
    content = clip_of(codec, "yuva420p", logo, form="webm", options={"auto-alt-ref": "0"})
    poster = poster_of(render(reader, tmp_path / "a.webm", content))
    assert max(poster.getpixel((24, 32))) < 12
    assert min(poster.getpixel((80, 32))) > 243


def corners() -> Image.Image:
    """Red above, blue below, and white at the upper left."""
    picture = Image.new("RGB", (96, 64), RED)
    picture.paste(BLUE, (0, 32, 96, 64))
    picture.paste((255, 255, 255), (0, 0, 24, 24))
    return picture


@pytest.mark.parametrize(
    ("degrees", "hflip", "vflip", "method"),
    [
        (0, True, False, Image.Transpose.FLIP_LEFT_RIGHT),
        (0, False, True, Image.Transpose.FLIP_TOP_BOTTOM),
        (180, False, False, Image.Transpose.ROTATE_180),
        (90, False, False, Image.Transpose.ROTATE_90),
        (-90, False, False, Image.Transpose.ROTATE_270),
        (90, True, False, None),
        (90, False, True, None),
    ],
)
def test_a_clip_is_turned_and_mirrored_as_its_display_matrix_says(
    reader: SandboxReader, tmp_path: Path, degrees: int, hflip: bool, vflip: bool, method: Image.Transpose | None
) -> None:
    content = clip_of("png", "rgb24", corners(), degrees=degrees, hflip=hflip, vflip=vflip)
    poster = poster_of(render(reader, tmp_path / "a.mov", content)).convert("RGB")
    shown = corners().transpose(method) if method is not None else corners().transpose(Image.Transpose.ROTATE_90)
    if method is None:
        shown = shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT if hflip else Image.Transpose.FLIP_TOP_BOTTOM)
    assert poster.size == shown.size
    for place in ((5, 5), (shown.width - 6, 5), (5, shown.height - 6), (shown.width - 6, shown.height - 6)):
        assert all(abs(a - b) < 40 for a, b in zip(poster.getpixel(place), shown.getpixel(place), strict=True)), place


@pytest.mark.parametrize("spare", [0, 200_000, 600_000])
def test_a_profile_of_a_picture_in_a_clip_is_used_and_not_passed_on(
    reader: SandboxReader, tmp_path: Path, spare: int
) -> None:
    """FFmpeg hands a profile from frame to encoder, which crashed with large ones."""
    profile = swapped_profile() + bytes(spare)
    target = io.BytesIO()
    Image.new("RGB", (96, 64), RED).save(target, "PNG", icc_profile=profile)
    poster = poster_of(render(reader, tmp_path / "a.png", target.getvalue()))
    assert "icc_profile" not in poster.info
    wanted = ImageCms.profileToProfile(
        Image.new("RGB", (1, 1), RED), io.BytesIO(swapped_profile()), ImageCms.createProfile("sRGB")
    )
    found = poster.convert("RGB").getpixel((40, 30))
    assert all(abs(a - b) < 12 for a, b in zip(found, wanted.getpixel((0, 0)), strict=True)), found


def test_profiles_of_many_pictures_of_a_clip_do_not_crash_their_reader(reader: SandboxReader, tmp_path: Path) -> None:
    """PyAV frees the name of a profile twice, the second time when its garbage collector runs."""
    target = io.BytesIO()
    Image.new("RGB", (16, 16), RED).save(target, "PNG", icc_profile=swapped_profile())
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        for number in range(300):
            packet = av.Packet(target.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 25)
            container.mux(packet)
    content = (tmp_path / "a.mov").read_bytes()
    for _ in range(4):
        assert poster_of(render(reader, tmp_path / "b.mov", content)).size == (16, 16)


def swapped_profile() -> bytes:
    """A profile whose red is the blue of sRGB, and the other way round."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(content[at : at + 4]): at for at in range(132, 132 + 12 * content[131], 12)}
    red, blue = (bytes(content[tags[name] + 4 : tags[name] + 12]) for name in (b"rXYZ", b"bXYZ"))
    content[tags[b"rXYZ"] + 4 : tags[b"rXYZ"] + 12] = blue
    content[tags[b"bXYZ"] + 4 : tags[b"bXYZ"] + 12] = red
    return bytes(content)


def test_a_clip_of_an_unknown_codec_says_so(reader: SandboxReader, tmp_path: Path) -> None:
    content = clip_of("png", "rgb24", corners()).replace(b"png ", b"qqqq")
    outcome = render(reader, tmp_path / "a.mov", content)
    assert outcome.reason == "a.mov: cannot be shown: its pictures are of a codec that has no decoder here"


def test_an_odd_frame_of_a_sequence_costs_that_frame(reader: SandboxReader, tmp_path: Path) -> None:
    good, odd = tmp_path / "a.1.exr", tmp_path / "a.2.exr"
    good.write_bytes(bytes_of("exr"))
    odd.write_bytes(exr_channels(b"U", b"V", b"W"))
    sources = []
    for path in (odd, good, odd, good):
        status = path.stat()
        sources.append(SourceFile(os.fsencode(tmp_path), os.fsencode(path.name), status.st_size, status.st_mtime_ns))
    asked = {"numbers": [1, 2, 3, 4], "first": 1, "step": 1, "rate": "24", "milliseconds": 167}
    outcome = reader.read([ReadItem(1, sources, asked)])[0]
    strip = next(one for one in outcome.result["pictures"] if one["type"] == "KEYFRAME_MAP")
    assert strip["details"]["times_milliseconds"] == [42, 125]
