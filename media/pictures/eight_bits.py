"""Pictures of 16 and 32 bits as pictures of 8 bits, for thumbnails."""

import math

from PIL import Image

SAMPLE_FORMAT_TAG, UNSIGNED_SAMPLES, SIGNED_SAMPLES = 339, 1, 2
"""Of TIFF: the tag for the kind of numbers, and its values for integers."""
SIXTEEN_BITS, THIRTY_TWO_BITS = 65_535.0, 4_294_967_295.0


def to_eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture of one deep component as grey; any other unchanged.

    Floats are shown from 0 to 1, as OpenImageIO does; a picture with others from its least to its greatest value.
    """
    if picture.mode not in ("I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        return picture
    if picture.mode.startswith("I;16"):
        wide = picture if picture.mode == "I;16" else picture.convert("I")
        return wide.point(lambda value: value * (255 / SIXTEEN_BITS) + 0.5).convert("L")
    least, greatest = picture.getextrema()
    assert isinstance(least, float | int)
    assert isinstance(greatest, float | int)
    low, high = (0.0, 1.0) if picture.mode == "F" else (0.0, SIXTEEN_BITS)
    if (least < low or greatest > high) and math.isfinite(greatest - least):
        low, high = float(least), float(greatest)
    scale = 255 / (high - low) if high > low else 0.0
    return picture.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
