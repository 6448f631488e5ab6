"""Small still pictures of all kinds, written here: left half red, right half blue, and a white corner at the upper
left, so that a picture shows whether it was turned, mirrored, or read with wrong colours."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms

WIDTH, HEIGHT = 96, 64
RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
Maker = Callable[[], bytes]


def picture(mode: str = "RGB") -> Image.Image:
    """The picture in a mode of Pillow."""
    made = Image.new("RGB", (WIDTH, HEIGHT), RED)
    made.paste(BLUE, (WIDTH // 2, 0, WIDTH, HEIGHT))
    made.paste(WHITE, (0, 0, 24, 24))
    return made.convert(mode)


def saved(form: str, mode: str = "RGB", **how: Any) -> Maker:
    """The picture as Pillow saves it."""

    def make() -> bytes:
        target = io.BytesIO()
        picture(mode).save(target, form, **how)
        return target.getvalue()

    return make


def gray16() -> bytes:
    """The picture as a PNG with 16 bits."""
    target = io.BytesIO()
    Image.fromarray(np.asarray(picture("L")).astype("uint16") * 257).save(target, "PNG")
    return target.getvalue()


def logo(form: str, mode: str = "RGBA") -> Maker:
    """A black left half beside a transparent right one, whose hidden colour is black too."""

    def make() -> bytes:
        made = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
        made.paste((0, 0, 0, 255), (0, 0, WIDTH // 2, HEIGHT))
        target = io.BytesIO()
        made.convert(mode).save(target, form)
        return target.getvalue()

    return make


def tiff(dtype: str = "uint8", gray: bool = False, scale: float = 1.0, **how: Any) -> Maker:
    """The picture as tifffile writes it: depths, layouts and compressions that Pillow has not."""

    def make() -> bytes:
        pixels = np.asarray(picture("L" if gray else "RGB"))
        if dtype.startswith("float"):
            pixels = (pixels / 255 * scale).astype(dtype)
        elif dtype != "uint8":
            pixels = pixels.astype(dtype) * (np.iinfo(dtype).max // 255)
        if how.get("planarconfig") == "separate":
            pixels = np.moveaxis(pixels, -1, 0)
        target = io.BytesIO()
        with tifffile.TiffWriter(target, bigtiff=how.pop("bigtiff", False)) as writer:
            writer.write(np.ascontiguousarray(pixels), photometric="minisblack" if gray else "rgb", **how)
        return target.getvalue()

    return make


def oriented(form: str, number: int) -> Maker:
    """The picture stored so that EXIF orientation `number` makes it upright."""
    stored = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[number]

    def make() -> bytes:
        made = picture()
        for method in stored:
            made = made.transpose(method)
        exif = Image.Exif()
        exif[274] = number
        target = io.BytesIO()
        made.save(target, form, exif=exif)
        return target.getvalue()

    return make


def jxl(mode: str = "RGB", **how: Any) -> Maker:
    """The picture as JPEG XL."""
    return lambda: bytes(imagecodecs.jpegxl_encode(np.asarray(picture(mode)), lossless=True, **how))


def animation(form: str, count: int = 4, milliseconds: int = 250) -> Maker:
    """Pictures that become darker."""

    def make() -> bytes:
        frames = [Image.new("RGB", (WIDTH, HEIGHT), (250 - 60 * number, 0, 0)) for number in range(count)]
        target = io.BytesIO()
        frames[0].save(target, form, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
        return target.getvalue()

    return make


def profiled(form: str, profile: bytes, mode: str = "RGB", spare: int = 0) -> Maker:
    """The picture with a profile, which `spare` bytes make larger."""
    return saved(form, mode, icc_profile=profile + bytes(spare))


def swapped_profile() -> bytes:
    """A profile whose red is the blue of sRGB, and the other way round."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(content[at : at + 4]): at for at in range(132, 132 + 12 * content[131], 12)}
    red, blue = (bytes(content[tags[name] + 4 : tags[name] + 12]) for name in (b"rXYZ", b"bXYZ"))
    content[tags[b"rXYZ"] + 4 : tags[b"rXYZ"] + 12] = blue
    content[tags[b"bXYZ"] + 4 : tags[b"bXYZ"] + 12] = red
    return bytes(content)


def icon() -> bytes:
    """An icon of three sizes, the smallest first."""
    target = io.BytesIO()
    picture().resize((64, 64)).save(target, "ICO", sizes=[(16, 16), (32, 32), (64, 64)])
    return target.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to nothing."""
    content = saved("PNG")()
    ihdr = struct.pack(">4sII", b"IHDR", width, height) + content[24:29]
    return content[:12] + ihdr + struct.pack(">I", zlib.crc32(ihdr)) + content[33:]


def dng() -> bytes:
    """A raw picture as a camera writes it, small: sensor values in a sub-directory, and a preview in the first one."""
    target = io.BytesIO()
    sensor = np.full((HEIGHT, WIDTH), 1_000, "uint16")
    with tifffile.TiffWriter(target) as writer:
        tags = [
            (271, "s", 0, "Tapeless", True),
            (272, "s", 0, "Test 1", True),
            (50706, "B", 4, b"\x01\x04\x00\x00", True),
            (50708, "s", 0, "Tapeless Test 1", True),
        ]
        writer.write(
            np.asarray(picture()),
            photometric="rgb",
            compression="jpeg",
            compressionargs={"level": 95},
            subifds=1,
            subfiletype=1,
            extratags=tags,
            metadata=None,
        )
        writer.write(
            sensor,
            photometric=32803,
            metadata=None,
            extratags=[(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\x00\x01\x01\x02", True)],
        )
    return target.getvalue()
