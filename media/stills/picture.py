"""A still picture that is open but not yet decoded, as the readers of all formats return it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, UnidentifiedImageError

from media.probe.orientation import Orientation
from media.sandbox.protocol import DEVICE_ERRNOS, UnreadableError

PictureFrames = Iterator[tuple[int, int, Image.Image]]
"""The pictures of an animation, each with its time and duration in milliseconds."""


@dataclass(slots=True)
class StillPicture:
    """What the header of a picture says, and how to decode it."""

    container: str
    codec: str
    width: int
    height: int
    """Size as stored; see `shown_size`."""
    decode: Callable[[int], Image.Image]
    """Decodes the picture as stored; at least as large as the given width, for formats that decode scaled down."""
    orientation: Orientation = Orientation.UPRIGHT
    is_upright: bool = False
    """The decoder applies the orientation, and width and height are those of the upright picture."""
    pixel_format: str | None = None
    bits: int | None = None
    profile: bytes | None = None
    exif: Image.Exif = field(default_factory=Image.Exif)
    xmp: bytes = b""
    iptc: Mapping[tuple[int, int], Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    """Texts of the format itself, such as PNG's."""
    pages: int = 1
    frames: Callable[[], PictureFrames] | None = None
    """Of an animation."""
    frame_count: int = 1
    is_animated: bool = False
    """It has moments of which the first alone is decoded; of those with `frames` all are."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Size as the upright picture has it."""
        is_turned = self.orientation.swaps_sides and not self.is_upright
        return (self.height, self.width) if is_turned else (self.width, self.height)


@contextmanager
def explain_decoder_errors(cannot: str) -> Iterator[None]:
    """Turn every error of a decoder into an UnreadableError that begins with `cannot`; errors of the disk pass.

    Decoders of untrusted data raise errors of any type.
    """
    try:
        yield
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError(f"{cannot}: it needs more memory than a reader may take") from None
    except UnidentifiedImageError:
        raise UnreadableError(f"{cannot}: its header is damaged, or of a variant without a decoder here") from None
    except OSError as error:
        if error.errno in DEVICE_ERRNOS:
            raise
        raise UnreadableError(f"{cannot}: {_first_line(error)}") from None
    except Exception as error:
        raise UnreadableError(f"{cannot}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0][:200]
    return text or f"its decoder ended with {type(error).__name__}"
