"""Numbers burnt into pictures: the frame's, or its timecode, so that people who talk about a frame mean the same one.

The wheel's FFmpeg has no text filter, and digits need none: lines of a 5 by 7 letter are written into the plane of
brightness, white on a dark band.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from media.drawing import GLYPHS
from media.recipes import Recipe

if TYPE_CHECKING:
    import av

LETTERS = GLYPHS | {
    ":": "00000 00100 00100 00000 00100 00100 00000",
    ";": "00000 00100 00100 00000 00100 00100 01000",
    "-": "00000 00000 00000 11111 00000 00000 00000",
}
WIDE, HIGH = 6, 7
"""Of a letter, with the gap behind it."""
LINES_A_DOT = 216
"""Of a picture of 1080 lines, a dot is 5 pixels: its letters are as high as a subtitle's."""
INK, BAND = 235, 16


@dataclass(frozen=True, slots=True)
class Burn:
    """What is burnt in."""

    kind: str
    rate: Fraction
    timecode: str | None
    """Of the first picture."""

    @classmethod
    def of(cls, recipe: Recipe, rate: Fraction, timecode: str | None) -> "Burn":
        """By a recipe."""
        return cls(recipe.burn, rate, timecode)

    def burnt(self, picture: "av.VideoFrame", frame: int, index: int) -> "av.VideoFrame":
        """The picture with its number: the same one where nothing is burnt in, else a copy."""
        if self.kind == "none":
            return picture
        import av  # noqa: PLC0415

        made = av.VideoFrame(picture.width, picture.height, picture.format.name)
        for plane, source in zip(made.planes, picture.planes, strict=True):
            plane.update(source)
        made.colorspace, made.color_range = picture.colorspace, picture.color_range
        paint(made, str(frame) if self.kind == "frame" else self._timecode_at(index))
        return made

    def _timecode_at(self, index: int) -> str:
        fps = round(self.rate)
        begun = frames_of(self.timecode or "00:00:00:00", fps)
        drops = ";" in (self.timecode or "")
        return timecode_text(begun + index, fps, drops)


def frames_of(timecode: str, fps: int) -> int:
    """How many frames a timecode is from zero."""
    hours, minutes, seconds, frames = (int(part) for part in timecode.replace(";", ":").replace(".", ":").split(":"))
    whole = (hours * 60 + minutes) * 60 + seconds
    count = whole * fps + frames
    if ";" in timecode:
        passed = hours * 60 + minutes
        count -= _dropped(fps) * (passed - passed // 10)
    return count


def timecode_text(count: int, fps: int, drops: bool) -> str:
    """The timecode of a count of frames; a day later it begins anew."""
    if drops:
        drop = _dropped(fps)
        ten_minutes = 600 * fps - 9 * drop
        tens, rest = divmod(count, ten_minutes)
        count += 9 * drop * tens + (drop * ((rest - drop) // (60 * fps - drop)) if rest >= drop else 0)
    seconds, frames = divmod(count, fps)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{';' if drops else ':'}{frames:02}"


def _dropped(fps: int) -> int:
    """Numbers left out at a minute that is not a tenth one."""
    return round(fps / 15)


def paint(picture: "av.VideoFrame", text: str) -> None:
    """Write a line of digits into the brightness of a picture, in the middle near its lower edge."""
    deep = picture.format.components[0].bits > 8
    plane = memoryview(picture.planes[0]).cast("H" if deep else "B")
    scale = max(1, picture.height // LINES_A_DOT)
    step = picture.planes[0].line_size // (2 if deep else 1)
    shift = picture.format.components[0].bits - 8
    ink, band = INK << shift, BAND << shift
    wide = (len(text) * WIDE + 3) * scale
    left = max(0, (picture.width - wide) // 2)
    top = max(0, picture.height - (HIGH + 6) * scale)
    kind = "H" if deep else "B"
    for row in range(-1, HIGH + 1):
        line = memoryview(_row(text, row, scale, ink, band)).cast("B").cast(kind)[: picture.width - left]
        for y in range(top + (row + 1) * scale, min(picture.height, top + (row + 2) * scale)):
            plane[y * step + left : y * step + left + len(line)] = line


def _row(text: str, row: int, scale: int, ink: int, band: int) -> "bytes":
    """A line of the letters' dots as the plane has it."""
    dots = "00"
    for letter in text:
        glyph = LETTERS.get(letter, LETTERS[" "]).split()
        dots += (glyph[row] if 0 <= row < HIGH else "00000") + "0"
    dots += "0"
    size = 2 if ink > 255 else 1
    values = {"0": band.to_bytes(size, "little") * scale, "1": ink.to_bytes(size, "little") * scale}
    return b"".join(values[dot] for dot in dots)
