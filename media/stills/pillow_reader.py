"""Pictures that Pillow reads, with HEIF by pi-heif; TIFF that it does not read by tifffile."""

import importlib
import re
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

import pi_heif
from PIL import AvifImagePlugin, Image, ImageFile, IptcImagePlugin, JpegImagePlugin, UnidentifiedImageError

from media.pictures.eight_bits import SAMPLE_FORMAT_TAG, SIGNED_SAMPLES, UNSIGNED_SAMPLES, to_eight_bits
from media.probe.orientation import Orientation, parse_orientation
from media.stills.iso_boxes import MAX_META_BYTES, find_brand, find_orientation, has_sequence
from media.stills.jp2_reader import DEEP_MODES, decode_deep_jp2, read_jp2_bits
from media.stills.picture import PictureFrames, StillPicture
from media.stills.tiff_reader import decode_tiff, is_tiff

LAZY_MODULES = ("ExifTags", "ImageChops", "ImageColor", "ImageMath", "ImagePalette", "ImageSequence", "TiffTags")
ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
"""Formats whose further pictures are moments; those of others are pages, sizes or layers."""
UPRIGHT_FORMATS = ("HEIF", "TIFF")
"""Formats whose pictures Pillow and libheif turn while they decode."""
PNG_GREY_WITH_ALPHA = 4
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_EXIF_BYTES = 16 << 20
MAX_FRAMES = 5_000
"""Of an animation, limits the time for counting its duration."""
DEFAULT_FRAME_MS = 100
"""Duration of a picture that names none, as browsers have it."""
ORIENTATION_TAG = 274
BITS_TAG, PHOTOMETRIC_TAG, PLANES_TAG = 258, 262, 284
WHITE_IS_ZERO, SEPARATE_PLANES = 0, 2
FORMATS_BY_START = {
    b"\xff\xd8": ("JPEG",),
    b"\x89P": ("PNG",),
    b"GI": ("GIF",),
    b"II": ("TIFF",),
    b"MM": ("TIFF",),
    b"BM": ("BMP",),
    b"RI": ("WEBP",),
    b"8B": ("PSD",),
    b"ic": ("ICNS",),
    b"DD": ("DDS",),
    b"qo": ("QOI",),
    b"\x01\xda": ("SGI",),
    b"\x0a": ("PCX",),
    b"P": ("PPM",),
    b"\xff\x4f": ("JPEG2000",),
    b"\x00\x00\x00\x0cjP": ("JPEG2000",),
    b"\x00\x00\x01\x00": ("ICO", "TGA"),
    b"\x00\x00\x02\x00": ("CUR", "TGA"),
}
"""Plugins that may read a file, by its first bytes, so that no other plugin ever sees it; TGA for all others."""
PNM_SIZE = re.compile(rb"P[2356]\s(?:\s|#[^\n]*\n)*\d+\s+\d+\s+(\d{1,5})\s")
"""The header of a PNM up to its greatest value."""
CONTAINER_NAMES = {"JPEG2000": "jp2", "MPO": "jpeg", "CUR": "ico"}
CODEC_NAMES = {"JPEG": "mjpeg", "MPO": "mjpeg", "HEIF": "hevc", "AVIF": "av1", "TGA": "targa", "CUR": "ico"}
"""As FFmpeg names them, like all codecs; the others are the format in lower case."""
PIXEL_FORMATS = {
    "1": ("monob", 1),
    "L": ("gray", 8),
    "LA": ("ya8", 8),
    "La": ("ya8", 8),
    "P": ("pal8", 8),
    "PA": ("pal8", 8),
    "RGB": ("rgb24", 8),
    "RGBA": ("rgba", 8),
    "RGBa": ("rgba", 8),
    "RGBX": ("rgb0", 8),
    "CMYK": ("cmyk", 8),
    "YCbCr": ("yuv444p", 8),
    "LAB": ("lab", 8),
    "I;16": ("gray16le", 16),
    "I;16B": ("gray16be", 16),
    "I": ("gray32", 32),
    "F": ("grayf32le", 32),
}
"""Pixel format as FFmpeg names it, and bits of a component, by mode."""
DEEP_PIXEL_FORMATS = {"RGB": "rgb48le", "RGBA": "rgba64le", "LA": "ya16le"}
"""For modes that Pillow reads with 8 of 16 bits."""
JPEG_SAMPLINGS = {
    (1, 1): "yuvj444p",
    (2, 1): "yuvj422p",
    (2, 2): "yuvj420p",
    (1, 2): "yuvj440p",
    (4, 1): "yuvj411p",
}


def load_pillow_plugins() -> None:
    """Load all of Pillow, which imports plugins and parts of them when a file first needs them."""
    Image.init()
    for name in LAZY_MODULES:
        importlib.import_module(f"PIL.{name}")
    Image.MAX_IMAGE_PIXELS = None  # the limit is the memory of this process
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pi_heif.register_heif_opener(decode_threads=1)


def open_with_pillow(file: BinaryIO, head: bytes) -> StillPicture:
    """Open a picture."""
    try:
        image = _identify(file, head)
    except (UnidentifiedImageError, SyntaxError, ValueError):
        if is_tiff(head):
            return decode_tiff(file)
        raise
    if image.format == "TIFF" and _is_misread(cast("Any", image).tag_v2):
        return decode_tiff(file)
    pixel_format, bits = _pixel_format(image, head)
    if image.format == "JPEG2000":
        bits = read_jp2_bits(file) or bits
    exif = _read_exif(image, file)
    can_move = image.format in ANIMATED_FORMATS
    count = getattr(image, "n_frames", 1) - _default_images(image) if can_move else 1
    is_animated = count > 1
    pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    return StillPicture(
        container=_container_name(image, head),
        codec="apng" if is_animated and image.format == "PNG" else CODEC_NAMES.get(str(image.format), _low(image)),
        width=image.width,
        height=image.height,
        decode=lambda widest: _decode(image, file, head, widest, bits or 8),
        orientation=_orientation(image, exif, file),
        is_upright=image.format in UPRIGHT_FORMATS,
        pixel_format=pixel_format,
        bits=bits,
        profile=image.info.get("icc_profile") or None,
        exif=exif,
        xmp=_xmp(image),
        iptc=_iptc(image),
        texts=_texts(image.info),
        pages=pages,
        frames=(lambda: _frames(image)) if is_animated else None,
        frame_count=count,
        is_animated=image.format == "HEIF" and has_sequence(head),
    )


def _is_misread(tags: Mapping[int, Any]) -> bool:
    """Whether Pillow (12.3) shows a TIFF wrong: with signed integers, which are half as bright, or of 32 bits, which it
    takes for signed; with more than 8 bits inverted where white is 0, and planes mixed up."""
    kinds, bits = tags.get(SAMPLE_FORMAT_TAG, (UNSIGNED_SAMPLES,)), max(tags.get(BITS_TAG, (1,)))
    if SIGNED_SAMPLES in kinds or (UNSIGNED_SAMPLES in kinds and bits == 32):
        return True
    is_deep = bits > 8
    return is_deep and (tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO or tags.get(PLANES_TAG) == SEPARATE_PLANES)


def _identify(file: BinaryIO, head: bytes) -> ImageFile.ImageFile:
    if head[4:8] == b"ftyp":
        formats: tuple[str, ...] = ("AVIF",) if find_brand(head) == "avif" else ("HEIF",)
    else:
        formats = next((names for start, names in FORMATS_BY_START.items() if head.startswith(start)), ("TGA",))
    file.seek(0)
    return Image.open(file, formats=formats)


def _read_exif(image: ImageFile.ImageFile, file: BinaryIO) -> Image.Exif:
    """Return the EXIF of a picture. Pillow would decode a whole PNG that has none, to look behind its pixels."""
    if image.format != "PNG" or {"exif", "Raw profile type exif"} & image.info.keys():
        try:
            return image.getexif()
        except Exception:  # a damaged directory raises errors of any type, and hides no picture
            return Image.Exif()
    exif, place = Image.Exif(), len(PNG_SIGNATURE)
    position = file.tell()
    while len(head := _read_at(file, place, 8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            exif.load(_read_at(file, place + 8, min(size, MAX_EXIF_BYTES)))
        place += size + 12
    file.seek(position)
    return exif


def _read_at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _low(image: Image.Image) -> str:
    return str(image.format).lower()


def _container_name(image: Image.Image, head: bytes) -> str:
    if image.format in ("HEIF", "AVIF"):
        return find_brand(head)
    return CONTAINER_NAMES.get(str(image.format), _low(image))


def _pixel_format(image: Image.Image, head: bytes) -> tuple[str | None, int | None]:
    """Return the pixel format and the bits of a component, of the file and not of what Pillow decodes."""
    name, bits = PIXEL_FORMATS.get(image.mode, (None, None))
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == "RGB" and len(image.layer) == 3:
        return JPEG_SAMPLINGS.get(image.layer[0][1:3], "yuvj444p"), bits
    stored = bits
    if image.format == "PNG":
        stored = head[24] if image.mode != "P" else 8
        if head[25] == PNG_GREY_WITH_ALPHA:
            name = "ya16be" if stored == 16 else "ya8"
    elif image.format == "TIFF":
        stored = max(cast("Any", image).tag_v2.get(BITS_TAG, (1,)))
    elif image.format == "HEIF":
        stored = image.info.get("bit_depth", bits)
    elif image.format == "PPM" and (size := PNM_SIZE.match(head)) is not None:
        stored = int(size[1]).bit_length()
    if stored == 16 and image.mode in DEEP_PIXEL_FORMATS and not str(name).startswith("ya"):
        name = DEEP_PIXEL_FORMATS[image.mode]
    return name, stored


def _orientation(image: Image.Image, exif: Image.Exif, file: BinaryIO) -> Orientation:
    if image.format == "HEIF":
        said = image.info.get("original_orientation")
        return find_orientation(_read_at(file, 0, MAX_META_BYTES)) if said is None else parse_orientation(said)
    return parse_orientation(exif.get(ORIENTATION_TAG))


def _xmp(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return found.encode() if isinstance(found, str) else bytes(found)


def _iptc(image: ImageFile.ImageFile) -> Mapping[tuple[int, int], Any]:
    if image.format not in ("JPEG", "MPO", "TIFF"):
        return {}
    try:
        return IptcImagePlugin.getiptcinfo(image) or {}
    except (SyntaxError, ValueError, IndexError, TypeError):  # damaged; the picture may be well
        return {}


def _texts(info: Mapping[Any, Any]) -> dict[str, str]:
    """Return the texts of a PNG, GIF or JPEG; not its XMP."""
    found = {}
    for name, value in info.items():
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) and name == "comment" else value
        if isinstance(name, str) and isinstance(text, str) and not name.startswith("XML:"):
            found[name] = text
    return found


def _decode(image: ImageFile.ImageFile, file: BinaryIO, head: bytes, widest: int, bits: int) -> Image.Image:
    """Decode; a JPEG at a half, quarter or eighth of its size, if that is at least twice the width, like Pillow."""
    if image.format == "JPEG2000" and image.mode in DEEP_MODES and bits > 8:
        return decode_deep_jp2(file, image.mode, bits)
    image.draft(None, (2 * widest, 2 * widest))
    try:
        image.load()
    except (OSError, SyntaxError, ValueError):
        if not is_tiff(head):
            raise
        return decode_tiff(file).decode(widest)
    return to_eight_bits(image)


def _default_images(image: ImageFile.ImageFile) -> int:
    """Return 1 if the first picture of an animated PNG is for programs that show no animations, else 0."""
    return int(getattr(image, "default_image", False))


def _frames(image: ImageFile.ImageFile) -> PictureFrames:
    at, first = 0, _default_images(image)
    for number in range(first, min(cast("Any", image).n_frames, MAX_FRAMES + first)):
        image.seek(number)
        image.load()
        duration = round(float(image.info.get("duration") or DEFAULT_FRAME_MS))
        yield at, duration, image
        at += duration
