"""The previews of one item: a poster, a thumbnail for lists, and a strip of moments for scrubbing."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from PIL import Image

from media.pictures.thumbnails import encode_thumbnail, shrink_picture, tile_thumbnails
from media.sandbox.protocol import UnreadableError

POSTER_WIDTH, KEYFRAME_WIDTH, TILE_WIDTH = 1280, 320, 160
MAX_TILES = 60
STRIP_COLUMNS = 10
POSTER_POSITION = Fraction(1, 3)
"""Position of the poster: clips begin with slates, black and camera shake."""

ThumbnailMaker = Callable[[int], Image.Image]
"""Makes a thumbnail of up to the given width from a decoded picture, which it keeps in memory."""


class PreviewSet:
    """Collects moments, and keeps of each only its tile, and of one the decoded picture: 60 of them fill a memory."""

    def __init__(self, expected: int = 1) -> None:
        self._poster_index = int(expected * POSTER_POSITION)
        self._has_strip = expected > 1
        self._times: list[int] = []
        self._tiles: list[Image.Image] = []
        self._poster: tuple[int, ThumbnailMaker] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no moment was added."""
        return self._poster is None

    def add(self, milliseconds: int, make: ThumbnailMaker) -> None:
        """Add the next moment."""
        if len(self._times) <= self._poster_index:
            self._poster = (milliseconds, make)
        self._times.append(milliseconds)
        if self._has_strip:
            self._tiles.append(make(TILE_WIDTH))

    def render(self, whole_ms: int | None) -> list[dict[str, Any]]:
        """Return poster, thumbnail and, if there are several moments of something with a duration, the strip.

        Raises:
            UnreadableError: there is no moment.
        """
        if self._poster is None:
            raise UnreadableError("cannot be shown: it holds no picture that can be decoded")
        at, make = self._poster
        poster = make(POSTER_WIDTH)
        details = {"time_milliseconds": at}
        made = [
            encode_thumbnail("POSTER", poster, details),
            encode_thumbnail("KEYFRAME", shrink_picture(poster, KEYFRAME_WIDTH), details),
        ]
        if len(self._tiles) > 1 and whole_ms:
            made.append(self._render_strip())
        return made

    def _render_strip(self) -> dict[str, Any]:
        columns = min(STRIP_COLUMNS, len(self._tiles))
        width, height = self._tiles[0].size
        details = {
            "count": len(self._tiles),
            "columns": columns,
            "tile_width": width,
            "tile_height": height,
            "times_milliseconds": self._times,
        }
        return encode_thumbnail("KEYFRAME_MAP", tile_thumbnails(self._tiles, columns), details)
