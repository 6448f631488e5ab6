"""Families of media files: which sandboxed program reads a file, chosen by its first bytes.

Each program loads the libraries of one family before it is confined, because a confined process can open nothing. Names
count only for two kinds that bytes do not show: streams of JPEG pictures, and TGA.
"""

import re
import struct
from enum import StrEnum

SIGNATURE_BYTES = 64


class MediaFamily(StrEnum):
    """A group of formats that one program reads."""

    STILLS = "stills"
    """Still pictures and short animations, which Pillow and libraries of single formats decode."""
    VIDEO = "video"
    """What FFmpeg decodes: video, sound and film frames. Files of an unknown kind too."""


STILL_BRANDS = frozenset((*b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 avif avis miaf".split(), b"crx "))
"""Major brands of ISO files that contain pictures (HEIF, AVIF) or a camera's raw picture (CR3)."""
STILL_SIGNATURE = re.compile(
    rb"""
    \xff\xd8\xff(?!\xf7)                                        # JPEG; F7 begins JPEG-LS
    | \x89PNG\r\n\x1a\n | GIF8[79]a | RIFF....WEBP | BM.{12}[\x0c-\x7c]\x00\x00\x00
    | II\*\x00 | MM\x00\* | II\+\x00 | MM\x00\+                 # TIFF and BigTIFF, and raw pictures based on it
    | IIU\x00 | IIR[OS] | MMOR | FUJIFILMCCD-RAW | FOVb | \x00MRM  # other raw pictures
    | \xff\x0a | \x00\x00\x00\x0cJXL\x20\r\n\x87\n              # JPEG XL
    | \x00\x00\x00\x0cjP\x20\x20\r\n\x87\n | \xff\x4f\xff\x51   # JPEG 2000
    | 8BPS | \x00\x00[\x01\x02]\x00.\x00 | icns | DDS\x20 | qoif | \x01\xda[\x00\x01]
    | \x0a[\x00-\x05]\x01[\x01\x02\x04\x08] | P[1-6][\s\#]
    """,
    re.VERBOSE | re.DOTALL,
)
JPEG_STREAM_NAMES = (".mjpg", ".mjpeg")
TGA_NAMES = (".tga", ".icb", ".vda", ".vst")


def find_family(head: bytes, name: str) -> MediaFamily:
    """Return the family of a file by its first bytes."""
    ending = name[name.rfind(".") :].lower()
    if ending in TGA_NAMES and is_tga(head):
        return MediaFamily.STILLS
    is_still = STILL_SIGNATURE.match(head) is not None or (head[4:8] == b"ftyp" and head[8:12] in STILL_BRANDS)
    return MediaFamily.STILLS if is_still and ending not in JPEG_STREAM_NAMES else MediaFamily.VIDEO


def is_tga(head: bytes) -> bool:
    """Whether the first bytes may be the header of a TGA file, which has no signature."""
    if len(head) < 18:
        return False
    map_type, kind, width, height, depth = struct.unpack_from("<xBB9xHHB", head)
    return map_type < 2 and kind in (1, 2, 3, 9, 10, 11) and width > 0 < height and depth in (8, 15, 16, 24, 32)
