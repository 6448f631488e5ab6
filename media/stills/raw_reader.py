"""Raw pictures of cameras by LibRaw: shown by the preview that the camera embedded, which looks as intended."""

import io
from typing import BinaryIO

import rawpy
from PIL import Image

from media.probe.orientation import Orientation
from media.sandbox.protocol import NoDecoderError
from media.stills.iso_boxes import find_brand
from media.stills.picture import StillPicture

RAW_STARTS = {
    b"IIU\0": "rw2",
    b"IIRO": "orf",
    b"IIRS": "orf",
    b"MMOR": "orf",
    b"FUJIFILMCCD-RAW": "raf",
    b"FOVb": "x3f",
    b"\0MRM": "mrw",
}
MAKERS = {"canon": "cr2", "nikon": "nef", "sony": "arw", "pentax": "pef", "samsung": "srw", "leica": "rwl"}
"""Container of a raw picture that is a TIFF, by the beginning of its maker's name."""
FLIPS = {0: Orientation.UPRIGHT, 3: Orientation.HALF_TURN, 5: Orientation.COUNTERCLOCKWISE, 6: Orientation.CLOCKWISE}
"""Orientation by LibRaw's number."""
MAKE_TAG, SUB_IFDS_TAG, DNG_VERSION_TAG = 271, 330, 50706


def raw_container(file: BinaryIO, head: bytes) -> str | None:
    """Return the container of a file that is a raw picture; None for any other."""
    found = next((name for start, name in RAW_STARTS.items() if head.startswith(start)), None)
    if found is not None:
        return found
    if head[4:12] == b"ftypcrx ":
        return find_brand(head)
    if not head.startswith((b"II*\0", b"MM\0*")):
        return None
    if head[8:10] == b"CR":
        return "cr2"
    tags = _read_tiff_tags(file)
    if DNG_VERSION_TAG in tags:
        return "dng"
    maker = str(tags.get(MAKE_TAG, "")).lower()
    return next((name for start, name in MAKERS.items() if maker.startswith(start) and SUB_IFDS_TAG in tags), None)


def _read_tiff_tags(file: BinaryIO) -> Image.Exif:
    """Read the first directory of a TIFF."""
    tags = Image.Exif()
    file.seek(0)
    try:
        tags.load_from_fp(file)
    except (SyntaxError, ValueError, OSError):
        return Image.Exif()
    return tags


def open_raw(file: BinaryIO, container: str) -> StillPicture:
    """Open a raw picture. UnreadableError if LibRaw does not know the camera."""
    file.seek(0)
    raw = rawpy.RawPy()
    raw.open_buffer(file)
    sizes = raw.sizes
    exif = _read_tiff_tags(file) if container not in ("cr3", "raf", "x3f", "mrw") else Image.Exif()
    return StillPicture(
        container=container,
        codec="raw",
        width=sizes.width,
        height=sizes.height,
        decode=lambda widest: _decode_preview(raw),
        orientation=FLIPS.get(sizes.flip, Orientation.UPRIGHT),
        exif=exif,
    )


def _decode_preview(raw: rawpy.RawPy) -> Image.Image:
    """Decode the embedded preview, which cameras store like the raw picture: not turned."""
    try:
        preview = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        raise NoDecoderError("cannot be shown: its camera embedded no preview that can be read") from None
    if not isinstance(preview.data, bytes):
        return Image.fromarray(preview.data)
    return Image.open(io.BytesIO(preview.data), formats=("JPEG",))
