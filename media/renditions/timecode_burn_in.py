"""Burn-in of the frame number or timecode, so that people who discuss a frame refer to the same one.

PyAV's wheels have no FFmpeg text filter, and digits need none: the lines of a 5 by 7 bitmap font are written into the
luma plane, white on a dark band.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av

from media.demo.drawing import GLYPHS
from media.probe.timecode import frames_to_timecode, timecode_to_frames

BURN_IN_GLYPHS = GLYPHS | {
    ":": "00000 00100 00100 00000 00100 00100 00000",
    ";": "00000 00100 00100 00000 00100 00100 01000",
    "-": "00000 00000 00000 11111 00000 00000 00000",
}
GLYPH_CELL_WIDTH, GLYPH_CELL_HEIGHT = 6, 7
"""Size of a glyph, including the gap behind it."""
LINES_PER_DOT = 216
"""Picture height per dot of a glyph: at 1080 lines a dot is 5 pixels, and the digits are as high as a subtitle."""
INK_LUMA, BAND_LUMA = 235, 16


@dataclass(frozen=True, slots=True)
class BurnIn:
    """What is burnt in."""

    kind: str
    """`burn` of the encoder settings."""
    rate: Fraction
    timecode: str | None
    """Timecode of the first picture."""

    def burn_into(self, picture: av.VideoFrame, frame: int, index: int) -> av.VideoFrame:
        """Return a copy of the picture with its number burnt in, or the picture itself if nothing is."""
        if self.kind == "none":
            return picture
        made = av.VideoFrame(picture.width, picture.height, picture.format.name)
        for plane, source in zip(made.planes, picture.planes, strict=True):
            plane.update(bytes(source))
        made.colorspace, made.color_range = picture.colorspace, picture.color_range
        paint_text(made, str(frame) if self.kind == "frame" else self._timecode_at(index))
        return made

    def _timecode_at(self, index: int) -> str:
        fps = round(self.rate)
        begun = timecode_to_frames(self.timecode or "00:00:00:00", fps)
        drops = ";" in (self.timecode or "")
        return frames_to_timecode(begun + index, fps, drops)


def paint_text(picture: av.VideoFrame, text: str) -> None:
    """Write a line of digits into the luma plane, centred near the lower edge."""
    deep = picture.format.components[0].bits > 8
    kind: Literal["H", "B"] = "H" if deep else "B"
    plane = memoryview(picture.planes[0]).cast(kind)
    scale = max(1, picture.height // LINES_PER_DOT)
    step = picture.planes[0].line_size // (2 if deep else 1)
    shift = picture.format.components[0].bits - 8
    ink, band = INK_LUMA << shift, BAND_LUMA << shift
    wide = (len(text) * GLYPH_CELL_WIDTH + 3) * scale
    left = max(0, (picture.width - wide) // 2)
    top = max(0, picture.height - (GLYPH_CELL_HEIGHT + 6) * scale)
    for row in range(-1, GLYPH_CELL_HEIGHT + 1):
        line = memoryview(_glyph_row(text, row, scale, ink, band)).cast("B").cast(kind)[: picture.width - left]
        for y in range(top + (row + 1) * scale, min(picture.height, top + (row + 2) * scale)):
            plane[y * step + left : y * step + left + len(line)] = line


def _glyph_row(text: str, row: int, scale: int, ink: int, band: int) -> "bytes":
    """Return one line of glyph dots in the sample format of the plane."""
    dots = "00"
    for letter in text:
        glyph = BURN_IN_GLYPHS.get(letter, BURN_IN_GLYPHS[" "]).split()
        dots += (glyph[row] if 0 <= row < GLYPH_CELL_HEIGHT else "00000") + "0"
    dots += "0"
    size = 2 if ink > 255 else 1
    values = {"0": band.to_bytes(size, "little") * scale, "1": ink.to_bytes(size, "little") * scale}
    return b"".join(values[dot] for dot in dots)
