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


NO_PICTURE = "cannot be shown: it holds no picture that can be decoded"


class PreviewSet:
    """Collects moments, and keeps only thumbnails of them: a decoded picture may have hundreds of megabytes."""

    def __init__(self, has_strip: bool = False) -> None:
        self._has_strip = has_strip
        self._times: list[int] = []
        self._tiles: list[Image.Image] = []
        self._poster: Image.Image | None = None
        self._poster_time = 0
        self._is_final = False

    @property
    def is_empty(self) -> bool:
        """Whether no moment was added."""
        return self._poster is None

    def add(self, milliseconds: int, make: ThumbnailMaker, position: Fraction = POSTER_POSITION) -> None:
        """Add the next moment; `position` is its place in the whole, from 0 to 1.

        The first moment from POSTER_POSITION on is the poster, or the very first if none is that late.
        """
        is_late = position >= POSTER_POSITION
        if self._poster is None or (is_late and not self._is_final):
            self._poster, self._poster_time, self._is_final = make(POSTER_WIDTH), milliseconds, is_late
        self._times.append(milliseconds)
        if self._has_strip:
            self._tiles.append(make(TILE_WIDTH))

    def render(self) -> list[dict[str, Any]]:
        """Return poster, thumbnail and, if there are several moments, the strip.

        Raises:
            UnreadableError: there is no moment.
        """
        if self._poster is None:
            raise UnreadableError(NO_PICTURE)
        details = {"time_milliseconds": self._poster_time}
        made = [
            encode_thumbnail("POSTER", self._poster, details),
            encode_thumbnail("KEYFRAME", shrink_picture(self._poster, KEYFRAME_WIDTH), details),
        ]
        if len(self._tiles) > 1:
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
