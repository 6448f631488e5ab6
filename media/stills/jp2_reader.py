"""JPEG 2000 of more than 8 bits by imagecodecs: Pillow 12.3 shows such colours as black (16 bits) or nearly so."""

from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image

CODESTREAM_START = b"\xff\x4f\xff\x51"
DEPTH_PLACE = 4 + 38
"""Of the depth of the first component, from the beginning of the codestream (ISO 15444-1, A.5.1)."""
MAX_BOXES_BYTES = 1 << 20
DEEP_MODES = {"RGB": 3, "RGBA": 4, "LA": 2}
"""Modes of Pillow and their components; grey is right."""


def read_jp2_bits(file: BinaryIO) -> int | None:
    """Return the bits of the first component; None if they are not found."""
    file.seek(0)
    head = file.read(MAX_BOXES_BYTES)
    place = head.find(CODESTREAM_START)
    if place < 0 or place + DEPTH_PLACE >= len(head):
        return None
    return (head[place + DEPTH_PLACE] & 0x7F) + 1


def decode_deep_jp2(file: BinaryIO, mode: str, bits: int) -> Image.Image:
    """Decode colours of more than 8 bits."""
    file.seek(0)
    pixels = imagecodecs.jpeg2k_decode(file.read(), numthreads=1)
    eight = (pixels.astype(np.uint32) >> (bits - 8)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(eight[..., : DEEP_MODES[mode]]), mode)
