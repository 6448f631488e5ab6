"""Thumbnails as browsers show them: sRGB without the source's profile, transparent pictures over white, as JPEG.

Colours are converted by LittleCMS, which Pillow contains, after scaling: of a large picture only a small one is
converted.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from PIL import Image, ImageCms

from media.probe.orientation import Orientation

JPEG_QUALITY = 90
WHITE = (255, 255, 255)
UPRIGHT_METHODS = {
    Orientation.MIRROR: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.HALF_TURN: Image.Transpose.ROTATE_180,
    Orientation.FLIP: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TRANSPOSE: Image.Transpose.TRANSPOSE,
    Orientation.CLOCKWISE: Image.Transpose.ROTATE_270,
    Orientation.TRANSVERSE: Image.Transpose.TRANSVERSE,
    Orientation.COUNTERCLOCKWISE: Image.Transpose.ROTATE_90,
}
PROFILE_MODES = ("L", "RGB", "CMYK", "LAB")
"""Modes that LittleCMS converts; others become RGB first."""
MAX_KEPT_TRANSFORMS = 8
"""Transforms kept for the next pictures: the files of one camera have one profile, and building takes milliseconds."""


def load_pillow() -> None:
    """Load what Pillow would load when a picture first needs it, which a sandboxed process cannot do."""
    encode_thumbnail("", flatten_to_srgb(Image.new("LA", (1, 1)), None), {})
    encode_thumbnail("", Image.new("RGBA", (1, 1)), {})
    _build_transform(None, "LAB")


def fit_sides(width: float, height: float, widest: int) -> tuple[int, int]:
    """Return the size scaled down to `widest` on its longer side, at least one pixel each."""
    scale = min(1.0, widest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink_picture(picture: Image.Image, widest: int) -> Image.Image:
    """Return the picture scaled down to `widest` on its longer side; unchanged if it is small."""
    size = fit_sides(*picture.size, widest)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def make_upright(picture: Image.Image, orientation: Orientation) -> Image.Image:
    """Return the picture upright."""
    method = UPRIGHT_METHODS.get(orientation)
    return picture if method is None else picture.transpose(method)


def flatten_to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB, over white if it is transparent, and without any of the source's data."""
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        picture = picture.convert("RGB")
    colors = _convert_to_srgb(picture, profile)
    shown = Image.new("RGB", colors.size, WHITE)
    shown.paste(colors, mask=alpha)
    return shown


def _convert_to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if picture.mode not in PROFILE_MODES:
        picture = picture.convert("RGB")
    transform = _build_transform(profile if picture.mode != "LAB" else None, picture.mode)
    converted = ImageCms.applyTransform(picture, transform) if transform is not None else picture.convert("RGB")
    assert converted is not None
    return converted


@lru_cache(MAX_KEPT_TRANSFORMS)
def _build_transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB; None where no profile, or an invalid one, says more than the mode does."""
    if profile is None and mode != "LAB":
        return None
    source = ImageCms.createProfile("LAB") if profile is None else io.BytesIO(profile)
    try:
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):  # damaged, or of another kind of colour than the picture
        return None


def tile_thumbnails(tiles: Sequence[Image.Image], columns: int) -> Image.Image:
    """Tile pictures into one, row by row, in the size of the first."""
    width, height = tiles[0].size
    sheet = Image.new("RGB", (width * columns, height * -(-len(tiles) // columns)))
    for place, tile in enumerate(tiles):
        fitting = tile if tile.size == (width, height) else tile.resize((width, height))
        sheet.paste(fitting, (place % columns * width, place // columns * height))
    return sheet


def encode_thumbnail(kind: str, picture: Image.Image, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer with one picture: as PNG if it is transparent, else as JPEG, from `flatten_to_srgb`."""
    form = "PNG" if picture.mode == "RGBA" else "JPEG"
    target = io.BytesIO()
    picture.save(target, form, quality=JPEG_QUALITY)
    return {
        "type": kind,
        "media_type": f"image/{form.lower()}",
        "width": picture.width,
        "height": picture.height,
        "details": dict(details),
        "data": base64.b64encode(target.getvalue()).decode(),
    }
