"""A row for each kind of still picture beyond those of `tests/media/stills`: size, type, rotation, pages and colours.

Sizes, orientations, pages and colours are those with which Pillow, tifffile and imagecodecs made the files. What no
library here shows, or what is no picture, has a sentence.
"""

import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from media.sandbox.protocol import UnreadableError
from media.stills.pillow_reader import load_pillow_plugins
from media.stills.program import read_still_headers, render_still_previews
from tests.media.stills import still_files as files
from tests.media.stills.heic_files import heic
from tests.media.stills.still_files import BLUE, RED, WHITE

Color = tuple[int, int, int]
BOTH = ((36, 50, RED), (80, 50, BLUE))
"""Places and colours of `still_files.picture`."""


class Still(NamedTuple):
    """What is expected of a picture."""

    make: Callable[[], bytes]
    size: tuple[int, int] = (96, 64)
    colors: tuple[tuple[int, int, Color], ...] = BOTH
    kind: str = "IMAGE"
    rotation: int | None = None
    pages: int | None = None
    pictures: int = 1
    milliseconds: int | None = None
    why: str | None = None
    """Why it cannot be shown, from its beginning."""
    shown: tuple[int, int] | None = None
    """Size of the poster, where it is another."""


def stripe(width: int, height: int, form: str = "PNG") -> Callable[[], bytes]:
    def make() -> bytes:
        target = io.BytesIO()
        Image.new("RGB", (width, height), RED).save(target, form)
        return target.getvalue()

    return make


def pages(count: int) -> bytes:
    """A TIFF of several pages, of which the first is the picture."""
    target = io.BytesIO()
    others = [Image.new("RGB", (10, 10)) for _ in range(count - 1)]
    files.picture().save(target, "TIFF", save_all=True, append_images=others)
    return target.getvalue()


def predicted() -> bytes:
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        writer.write(np.asarray(files.picture()), photometric="rgb", compression="zlib", predictor=True)
    return target.getvalue()


def big_endian() -> bytes:
    target = io.BytesIO()
    with tifffile.TiffWriter(target, byteorder=">") as writer:
        pixels = np.asarray(files.picture()).astype("uint16") * 257
        writer.write(pixels, photometric="rgb", compression="lzw")
    return target.getvalue()


def grey_profile() -> bytes:
    """A JPEG in grey with a profile of grey, whose curve is that of gamma 2.2."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    target = io.BytesIO()
    Image.new("L", (96, 64), 128).save(target, "JPEG", quality=95, icc_profile=profile)
    return target.getvalue()


def turned(form: str, number: int) -> Callable[[], bytes]:
    """The picture as it is stored, with an orientation: unlike `oriented`, which is upright when shown."""

    def make() -> bytes:
        exif = Image.Exif()
        exif[274] = number
        target = io.BytesIO()
        files.picture().save(target, form, exif=exif, **({"quality": 95} if form == "JPEG" else {}))
        return target.getvalue()

    return make


def animated(form: str, *durations: int) -> Callable[[], bytes]:
    """Pictures with times of their own."""

    def make() -> bytes:
        frames = [Image.new("RGB", (96, 64), (200 - 40 * number, 0, 0)) for number in range(len(durations))]
        target = io.BytesIO()
        how: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
        frames[0].save(target, form, save_all=True, append_images=frames[1:], duration=list(durations), **how)
        return target.getvalue()

    return make


def with_default_image() -> bytes:
    """An animated PNG with a picture that is none of its own."""
    frames = [Image.new("RGB", (96, 64), (200 - 40 * number, 0, 0)) for number in range(3)]
    target = io.BytesIO()
    Image.new("RGB", (96, 64), BLUE).save(
        target, "PNG", save_all=True, default_image=True, append_images=frames, duration=100
    )
    return target.getvalue()


def deep(mode: str, bits: int, form: str = "jp2") -> Callable[[], bytes]:
    """The picture as JPEG 2000 of more than 8 bits."""

    def make() -> bytes:
        pixels = np.asarray(files.picture(mode)).astype("uint16") << (bits - 8)
        return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat=form, bitspersample=bits))

    return make


def written(pixels: Any, **how: Any) -> Callable[[], bytes]:
    """A TIFF of these pixels, by tifffile."""

    def make() -> bytes:
        target = io.BytesIO()
        with tifffile.TiffWriter(target, byteorder=how.pop("byteorder", "<")) as writer:
            writer.write(np.ascontiguousarray(pixels), **how)
        return target.getvalue()

    return make


def with_spots(scale: float) -> Any:
    """The picture in floats, with pixels that are no numbers."""
    pixels = np.asarray(files.picture()).astype("float32") / 255 * scale
    pixels[0, :3, 0] = np.nan, np.inf, -np.inf
    return pixels


def half_transparent(multiplied: bool) -> Any:
    """The picture in floats, whose right half is transparent."""
    alpha = np.zeros((64, 96, 1), "float32")
    alpha[:, :48] = 1
    colors = np.asarray(files.picture()).astype("float32") / 255
    return np.concatenate([colors * alpha if multiplied else colors, alpha], -1)


DEEP = np.asarray(files.picture()).astype("uint16") * 257
DEEP_GREY = np.asarray(files.picture("L")).astype("uint16") * 257
PLANES = np.moveaxis(DEEP, -1, 0)
WHITE_RIGHT = ((36, 50, RED), (80, 50, WHITE), (8, 8, WHITE))
DARK = ((8, 8, WHITE), (36, 50, (76, 76, 76)), (80, 50, (29, 29, 29)))
SWAPPED, OVER_WHITE = ((36, 50, BLUE), (80, 50, RED)), ((10, 30, (0, 0, 0)), (86, 30, WHITE))
GREY = ((10, 10, (128, 128, 128)),)
LEFT = ((5, 5, (160, 0, 0)),)
STILLS: dict[str, Still] = {
    "cmyk_lzw.tif": Still(files.saved("TIFF", "CMYK", compression="tiff_lzw"), colors=()),
    "predictor.tif": Still(predicted),
    "lzw16_be.tif": Still(big_endian),
    "packbits.tif": Still(files.saved("TIFF", compression="packbits")),
    "three_pages.tif": Still(lambda: pages(3), pages=3),
    "fax_g3.tif": Still(files.saved("TIFF", "1", compression="group3"), colors=()),
    "grey_icc.jpg": Still(grey_profile, colors=GREY),
    "dpi.jpg": Still(files.saved("JPEG", quality=95, dpi=(300, 300))),
    "dpi_aniso.jpg": Still(files.saved("JPEG", quality=95, dpi=(72, 36))),
    "dpi_aniso.tif": Still(files.saved("TIFF", dpi=(72, 36))),
    "dpi_aniso.png": Still(files.saved("PNG", dpi=(72, 36))),
    "subsampled.jpg": Still(files.saved("JPEG", quality=95, subsampling="4:1:1"), colors=BOTH[1:]),
    "high.png": Still(stripe(3, 20_000), (3, 20_000), (), shown=(1, 1280)),
    "wide.png": Still(stripe(20_000, 3), (20_000, 3), (), shown=(1280, 1)),
    "one.png": Still(stripe(1, 1), (1, 1), ()),
    "6.jpg": Still(turned("JPEG", 6), (64, 96), ((5, 36, RED), (5, 80, BLUE), (60, 5, WHITE)), rotation=90),
    "8.jpg": Still(turned("JPEG", 8), (64, 96), ((5, 60, RED), (5, 16, BLUE), (5, 90, WHITE)), rotation=270),
    "3.png": Still(turned("PNG", 3), (96, 64), ((60, 14, RED), (16, 14, BLUE), (90, 60, WHITE)), rotation=180),
    "6.tif": Still(turned("TIFF", 6), (64, 96), ((5, 36, RED), (60, 5, WHITE)), rotation=90),
    "9.jpg": Still(turned("JPEG", 9)),  # no orientation
    "a.gif": Still(animated("GIF", 100, 200, 300), colors=LEFT, kind="VIDEO", pictures=3, milliseconds=600),
    "a.apng": Still(animated("PNG", 40, 40, 40, 80), colors=((5, 5, (120, 0, 0)),), kind="VIDEO", pictures=4,
                    milliseconds=200),
    # ffprobe: three pictures; the first one is for programs that show no animations.
    "default_image.apng": Still(with_default_image, colors=LEFT, kind="VIDEO", pictures=3, milliseconds=300),
    "a.webp": Still(animated("WEBP", 500, 1_000), colors=((5, 5, (160, 0, 0)),), kind="VIDEO", pictures=2,
                    milliseconds=1_500),
    "no_times.gif": Still(animated("GIF", 0, 0, 0), colors=LEFT, kind="VIDEO", pictures=3, milliseconds=300),
    "a.avif": Still(animated("AVIF", 100, 100), colors=LEFT, kind="VIDEO", pictures=2, milliseconds=200),
    "rgba.bmp": Still(files.saved("BMP", "RGBA")),
    "dpi.tif": Still(files.saved("TIFF", dpi=(300, 300))),
    "one.jpg": Still(stripe(1, 1, "JPEG"), (1, 1), ()),
    "6.png": Still(turned("PNG", 6), (64, 96), ((5, 36, RED), (5, 80, BLUE), (60, 5, WHITE)), rotation=90),
    # Colours are those of LittleCMS: the profile has the red of sRGB for its blue.
    "other_profile.jpg": Still(files.profiled("JPEG", files.swapped_profile()), colors=SWAPPED),
    "large_profile.jpg": Still(files.profiled("JPEG", files.swapped_profile(), spare=557_168), colors=SWAPPED),
    "la.png": Still(files.logo("PNG", "LA"), colors=OVER_WHITE),
    "logo.png": Still(files.logo("PNG"), colors=OVER_WHITE),
    "logo.tga": Still(files.logo("TGA"), colors=OVER_WHITE),
    "logo.gif": Still(files.logo("GIF"), colors=OVER_WHITE),
    "324_tiles.heic": Still(
        lambda: heic([[RED] * 17 + [BLUE]] * 18), (1_152, 1_152), ((9, 9, RED), (1_140, 1_140, BLUE))
    ),
    "a.ico": Still(files.icon, (64, 64), ()),
    "grey.jp2": Still(files.saved("JPEG2000", "L"), colors=()),
    "palette.tga": Still(files.saved("TGA", "P")),
    "grey.sgi": Still(files.saved("SGI", "L"), colors=()),
    "bits.pbm": Still(files.saved("PPM", "1"), colors=()),
    "palette.pcx": Still(files.saved("PCX", "P")),
    "a.icns": Still(files.saved("ICNS"), (1024, 1024), ()),
    # Pillow 12.3 shows these black, inverted, or with planes mixed up; OpenImageIO and tifffile show them right.
    "16.jp2": Still(deep("RGB", 16)),
    "12.jp2": Still(deep("RGB", 12)),
    "10.j2k": Still(deep("RGB", 10, "j2k")),
    "rgba12.jp2": Still(deep("RGBA", 12)),
    "grey12.jp2": Still(deep("L", 12), colors=DARK),
    "white_is_zero.tif": Still(written(255 - np.asarray(files.picture("L")), photometric="miniswhite"), colors=DARK),
    "white_is_zero16.tif": Still(written(65_535 - DEEP_GREY, photometric="miniswhite"), colors=DARK),
    "planes16.tif": Still(written(PLANES, photometric="rgb", planarconfig="separate")),
    "planes16_be.tif": Still(written(PLANES, photometric="rgb", planarconfig="separate", byteorder=">")),
    "no_numbers.tif": Still(written(with_spots(1), photometric="rgb")),
    "no_numbers_bright.tif": Still(written(with_spots(3), photometric="rgb")),
    "no_numbers_grey.tif": Still(written(with_spots(1)[..., 0], photometric="minisblack"), colors=((8, 8, WHITE),)),
    "float_alpha.tif": Still(
        written(half_transparent(False), photometric="rgb", extrasamples=["unassalpha"]), colors=WHITE_RIGHT
    ),
    "float_multiplied.tif": Still(
        written(half_transparent(True), photometric="rgb", extrasamples=["assocalpha"]), colors=WHITE_RIGHT
    ),
    "five_samples.tif": Still(
        written(np.concatenate([DEEP, DEEP[..., :2]], -1), photometric="rgb", extrasamples=["unspecified"] * 2)
    ),
    "half.gif": Still(lambda: files.saved("GIF", "P")()[:100], why="cannot be shown: "),
    "half.bmp": Still(lambda: files.saved("BMP")()[:1_000], why="cannot be shown: image file is truncated"),
    "half.tga": Still(lambda: files.saved("TGA")()[:1_000], why="cannot be shown: image file is truncated"),
    "head.png": Still(lambda: files.saved("PNG")()[:20], why="cannot be shown: "),
    "empty.jpg": Still(bytes, why="holds nothing that can be read as a picture"),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> None:
    load_pillow_plugins()


@pytest.mark.parametrize("name", STILLS)
def test_a_still_is_what_pillow_and_openimageio_say(tmp_path: Path, name: str) -> None:
    wanted, path = STILLS[name], tmp_path / name
    path.write_bytes(wanted.make())
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if wanted.why is not None:
            with pytest.raises(UnreadableError) as refused:
                render_still_previews({}, [descriptor])
            assert str(refused.value).startswith(wanted.why)
            return
        (facts,) = read_still_headers({}, [descriptor])["files"]
        made = render_still_previews({}, [descriptor])["pictures"]
    finally:
        os.close(descriptor)
    (stream,) = facts["streams"]
    assert (stream["type"], stream["width"], stream["height"]) == (wanted.kind, *wanted.size)
    assert (stream.get("rotation"), facts.get("pages")) == (wanted.rotation, wanted.pages)
    assert (stream.get("frame_count", 1), facts.get("duration_milliseconds")) == (wanted.pictures, wanted.milliseconds)
    assert "pixel_aspect" not in stream
    poster = Image.open(io.BytesIO(base64.b64decode(made[0]["data"]))).convert("RGB")
    assert poster.size == (wanted.shown or wanted.size)
    for x, y, color in wanted.colors:
        found = poster.getpixel((x, y))
        assert all(abs(one - other) < 30 for one, other in zip(found, color, strict=True)), (x, y, found)
