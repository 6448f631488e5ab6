"""TIFF pictures that Pillow does not read, such as other depths and compressions, by tifffile and imagecodecs."""

import importlib
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from media.probe.orientation import parse_orientation
from media.sandbox.protocol import NoDecoderError
from media.stills.picture import StillPicture

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TIFF_CODECS = (
    *("ccitt", "deflate", "imcd", "jpeg2k", "jpeg8", "jpegxl", "jpegxr", "lerc", "lzma", "png", "shared"),
    *("shared_cython", "tiff", "webp", "zlib", "zstd"),
)
"""Modules of imagecodecs, which loads each when a file first needs it."""
ASSOCIATED_ALPHA = 1
ALPHA_SAMPLES = {ASSOCIATED_ALPHA, 2}
"""Further samples of a pixel that are alpha, and not something else."""


def load_tiff_codecs() -> None:
    """Load the codecs of TIFF pictures."""
    for name in TIFF_CODECS:
        importlib.import_module(f"imagecodecs._{name}")
    for compression in tifffile.COMPRESSION:
        try:
            tifffile.TIFF.DECOMPRESSORS[compression]
        except (KeyError, ImportError):
            continue  # a compression without a decoder


def is_tiff(head: bytes) -> bool:
    """Whether the first bytes are those of a TIFF or BigTIFF."""
    return head.startswith(TIFF_STARTS)


def decode_tiff(file: BinaryIO) -> StillPicture:
    """Open the first page; its pixels are decoded when they are asked for."""
    file.seek(0)
    opened: Any = tifffile.TiffFile(file, name="picture.tif")  # its own name is a number
    page = opened.pages[0]
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    return StillPicture(
        container="tiff",
        codec="tiff",
        width=page.imagewidth,
        height=page.imagelength,
        decode=lambda widest: _to_image(page),
        orientation=parse_orientation(int(page.tags.valueof(274, 1))),
        bits=bits,
        profile=page.iccprofile or None,
        pages=len(opened.pages),
    )


def _to_image(page: Any) -> Image.Image:
    """Decode a page as grey or RGB with 8 bits."""
    pixels = page.asarray(maxworkers=1)
    if page.planarconfig == 2 and pixels.ndim == 3:  # one plane for each component
        pixels = np.moveaxis(pixels, 0, -1)
    count = pixels.shape[-1] - len(page.extrasamples)
    if pixels.ndim == 3 and count in (2, 4) and page.photometric != tifffile.PHOTOMETRIC.SEPARATED:
        count -= 1  # a sample more than its colours have, and nothing says what it is
    alpha = None
    if pixels.ndim == 3 and 0 < count < pixels.shape[-1]:
        alpha = pixels[..., count] if ALPHA_SAMPLES.intersection(page.extrasamples[:1]) else None
        pixels = pixels[..., :count]
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] not in (3, 4)):
        raise NoDecoderError(f"cannot be shown: its pixels have the shape {'x'.join(map(str, pixels.shape))}")
    eight = array_to_eight_bits(pixels)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        eight = 255 - eight
    if alpha is not None and page.photometric != tifffile.PHOTOMETRIC.SEPARATED:
        eight = _lay_over_white(eight, alpha, is_multiplied=page.extrasamples[0] == ASSOCIATED_ALPHA)
    return Image.fromarray(eight, "CMYK" if eight.ndim == 3 and eight.shape[-1] == 4 else None)


def _lay_over_white(colors: NDArray[np.uint8], alpha: NDArray[Any], *, is_multiplied: bool) -> NDArray[np.uint8]:
    """Return colours over white; `is_multiplied` if they are multiplied with alpha already."""
    if np.issubdtype(alpha.dtype, np.unsignedinteger):
        shown = alpha.astype(np.float32) / np.iinfo(alpha.dtype).max
    else:
        shown = np.nan_to_num(alpha.astype(np.float32)).clip(0, 1)
    shown = shown[..., None] if colors.ndim == 3 else shown
    laid: NDArray[Any] = colors * (1 if is_multiplied else shown) + 255 * (1 - shown) + 0.5
    return laid.clip(0, 255).astype(np.uint8)


def array_to_eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale pixels of any type: integers by their range, floats from 0 to 1; those with values outside of it, or with
    negative integers, from least to greatest; what is no number is black, and infinity white."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return np.where(pixels, np.uint8(255), np.uint8(0))
    if np.issubdtype(pixels.dtype, np.unsignedinteger):
        return (pixels >> (8 * (pixels.dtype.itemsize - 1))).astype(np.uint8)
    values = pixels.astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    limit = float(np.iinfo(pixels.dtype).max) if np.issubdtype(pixels.dtype, np.signedinteger) else 1.0
    if low >= 0 and high <= limit:
        low, high = 0.0, limit
    scale = 255 / (high - low) if high > low else 0.0
    shown = np.nan_to_num((values - low) * scale, nan=0.0, posinf=255.0, neginf=0.0)
    eight: NDArray[np.uint8] = (shown + 0.5).clip(0, 255).astype(np.uint8)
    return eight
