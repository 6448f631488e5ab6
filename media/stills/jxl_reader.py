"""JPEG XL by imagecodecs: its header is read here, because the library only decodes whole pictures."""

from typing import BinaryIO

import imagecodecs
from PIL import Image

from media.probe.orientation import Orientation, parse_orientation
from media.stills.iso_boxes import iter_boxes
from media.stills.picture import StillPicture
from media.stills.tiff_reader import array_to_eight_bits

CODESTREAM, CONTAINER = b"\xff\x0a", b"\x00\x00\x00\x0cJXL "
ASPECTS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height by the code of a size header (ISO 18181-1)."""
SIZE_BITS = (9, 13, 18, 30)
INTEGER_DEPTHS = (8, 10, 12)


class BitReader:
    """Reads the bits of a header, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number. ValueError if the header ends before."""
        if count > self._left:
            raise ValueError("its header breaks off")
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found


def is_jxl(head: bytes) -> bool:
    """Whether the first bytes are those of JPEG XL."""
    return head.startswith((CODESTREAM, CONTAINER))


def open_jxl(file: BinaryIO) -> StillPicture:
    """Open a picture."""
    file.seek(0)
    data = file.read()
    boxes = dict(reversed(list(iter_boxes(data)))) if data.startswith(CONTAINER) else {}
    stream = data if not boxes else boxes.get(b"jxlc") or boxes.get(b"jxlp", b"")[4:]
    if not stream.startswith(CODESTREAM):
        raise ValueError("its header breaks off")
    width, height, orientation, bits, is_animated = _read_header(BitReader(stream[2:64]))
    exif = Image.Exif()
    if len(boxes.get(b"Exif", b"")) > 8:
        exif.load(boxes[b"Exif"][4:])
    return StillPicture(
        container="jxl",
        codec="jpegxl",
        width=width,
        height=height,
        decode=lambda widest: _decode(data),
        orientation=orientation,
        bits=bits,
        exif=exif,
        xmp=boxes.get(b"xml ", b""),
        is_animated=is_animated,
    )


def _read_header(bits: BitReader) -> tuple[int, int, Orientation, int | None, bool]:
    """Return width, height, orientation, depth, and whether it is an animation."""
    width, height = _read_size(bits)
    if bits.take(1):  # all metadata are the default
        return width, height, Orientation.UPRIGHT, 8, False
    orientation = Orientation.UPRIGHT
    if bits.take(1):
        orientation = parse_orientation(1 + bits.take(3))
        if bits.take(1):
            _read_size(bits)  # intrinsic size
        if bits.take(1):
            _read_preview_size(bits)
        if bits.take(1):  # its ticks follow
            return width, height, orientation, None, True
    if bits.take(1):  # floats
        return width, height, orientation, None, False
    code = bits.take(2)
    return width, height, orientation, INTEGER_DEPTHS[code] if code < 3 else 1 + bits.take(6), False


def _read_size(bits: BitReader) -> tuple[int, int]:
    is_small = bits.take(1)

    def side() -> int:
        return 8 * (1 + bits.take(5)) if is_small else 1 + bits.take(SIZE_BITS[bits.take(2)])

    height = side()
    ratio = bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = ASPECTS[ratio]
    return height * across // down, height


def _read_preview_size(bits: BitReader) -> None:
    """Skip the size of a preview, which has other units than that of a picture."""
    is_eighths = bits.take(1)
    places = ((16, 0), (32, 0), (1, 5), (33, 9)) if is_eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))

    def skip_side() -> None:
        bits.take(places[bits.take(2)][1])

    skip_side()
    if bits.take(3) == 0:
        skip_side()


def _decode(data: bytes) -> Image.Image:
    """Decode as stored; the library keeps the orientation to the header that way."""
    pixels = imagecodecs.jpegxl_decode(data, index=0, keeporientation=True, numthreads=1)
    eight = array_to_eight_bits(pixels)
    return Image.fromarray(eight[..., 0] if eight.ndim == 3 and eight.shape[-1] == 1 else eight)
