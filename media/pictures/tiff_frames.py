"""TIFF frames of renditions that FFmpeg decodes as black or green pictures without an error: tiles, and JPEG inside.

Pillow decodes them with libtiff, as 8 bits.
"""

import os

import av
from PIL import Image, TiffImagePlugin

from media.pictures.eight_bits import SAMPLE_FORMAT_TAG, SIGNED_SAMPLES, to_eight_bits
from media.pictures.thumbnails import flatten_to_srgb
from media.sandbox.protocol import UnreadableError

TIFF_MAGICS = (b"II*\0", b"MM\0*")
COMPRESSION_TAG, TILE_WIDTH_TAG = 259, 322
JPEG_COMPRESSIONS = (6, 7)


def read_misread_tiff(descriptor: int) -> av.VideoFrame | None:
    """Return the picture of a TIFF that FFmpeg misreads; None for any other file.

    Raises:
        UnreadableError: it is damaged.
    """
    if os.pread(descriptor, 4, 0) not in TIFF_MAGICS:
        return None
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        try:
            image = TiffImagePlugin.TiffImageFile(file)
            if SIGNED_SAMPLES in image.tag_v2.get(SAMPLE_FORMAT_TAG, ()):
                raise UnreadableError("cannot be shown: its integers are signed")
            is_jpeg = image.tag_v2.get(COMPRESSION_TAG) in JPEG_COMPRESSIONS
            if not is_jpeg and TILE_WIDTH_TAG not in image.tag_v2:
                return None
            image.load()
            return picture_to_frame(flatten_to_srgb(to_eight_bits(image), image.info.get("icc_profile")))
        except (OSError, SyntaxError, ValueError) as error:
            raise UnreadableError(f"cannot be shown: {error}"[:200]) from None


def picture_to_frame(picture: Image.Image) -> av.VideoFrame:
    """Return an RGB picture as a frame for an encoder."""
    frame = av.VideoFrame(*picture.size, "rgb24")
    (plane,) = frame.planes
    plane.update(picture.tobytes("raw", "RGB", plane.line_size, 1))
    return frame
