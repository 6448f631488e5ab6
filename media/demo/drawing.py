"""Draw the demo's pictures: a shape that moves over a gradient, with its frame number burnt in.

A user who opens a demo file must see which eye, camera or frame it is, without a dependency on numpy. Pictures made of
horizontal runs need none: painting is slice assignment on three bytearrays, 1.5 ms a picture.
"""

import math
from dataclasses import dataclass

DEMO_WIDTH, DEMO_HEIGHT = 480, 270
FRAMES_PER_SECOND = 24

RgbColor = tuple[int, int, int]
PixelRun = tuple[int, int, int]
"""A horizontal run of pixels relative to the centre of a shape: y, first x, last x + 1."""
Planes = tuple[bytes, bytes, bytes]
"""One picture in FFmpeg's planar gbrp: green, blue, red, each DEMO_WIDTH * DEMO_HEIGHT bytes."""

GLYPHS = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "01110 10001 00001 00110 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}
GLYPH_SCALE = 4
TEXT_COLOR: RgbColor = (240, 240, 235)


def ball_runs(radius: int) -> tuple[PixelRun, ...]:
    """Return the runs of a filled circle."""
    widths = ((y, round(math.sqrt(radius * radius - y * y))) for y in range(-radius + 1, radius))
    return tuple((y, -half, half) for y, half in widths)


def fish_runs(radius: int) -> tuple[PixelRun, ...]:
    """Return the runs of a flat ellipse with a tail, swimming to the right."""
    body = tuple((y // 2, 2 * left // 2, right) for y, left, right in ball_runs(radius) if y % 2 == 0)
    root, tip = -radius + radius // 4, -radius - radius // 3
    tail = tuple((y, tip - abs(y), root) for y in range(-radius // 2, radius // 2))
    return body + tail


def cup_runs(size: int) -> tuple[PixelRun, ...]:
    """Return the runs of a cup with its handle to the right."""
    body = tuple((y, -size + max(0, y) // 4, size - max(0, y) // 4) for y in range(-size, size))
    grip = size // 2
    outer = ((y, right) for y, _left, right in ball_runs(grip))
    handle = tuple((y, size + max(0, right - grip // 2), size + right) for y, right in outer)
    return body + handle


@dataclass(frozen=True, slots=True)
class Scene:
    """Content of a clip or sequence; the same scene and frame always give the same bytes."""

    shape: tuple[PixelRun, ...]
    paint: RgbColor
    sky: RgbColor
    floor: RgbColor
    label: str = ""
    shift_pixels: int = 0
    """Horizontal offset of the shape: the disparity between two eyes."""
    is_mirrored: bool = False
    """The same action from the other side of the table: the second camera."""


def draw_scene(scene: Scene, frame: int, number: int) -> Planes:
    """Draw one frame: `frame` counts from 0 and moves the shape, `number` is burnt in."""
    planes = draw_background(scene)
    x, y = shape_position(scene, frame)
    paint_runs(planes, scene.shape, x, y, scene.paint)
    text = f"{number:04d} {scene.label}".rstrip()
    paint_runs(planes, text_runs(text), 16, DEMO_HEIGHT - 16 - 7 * GLYPH_SCALE, TEXT_COLOR)
    green, blue, red = planes
    return bytes(green), bytes(blue), bytes(red)


def shape_position(scene: Scene, frame: int) -> tuple[int, int]:
    """Return the centre of the shape: across and back in four seconds, with a bounce every second."""
    way = frame / (4 * FRAMES_PER_SECOND)
    across = 1 - abs(1 - 2 * (way % 1))
    if scene.is_mirrored:
        across = 1 - across
    bounce = abs(math.sin(math.pi * frame / FRAMES_PER_SECOND))
    return round(DEMO_WIDTH * (0.2 + 0.6 * across)) + scene.shift_pixels, round(DEMO_HEIGHT * (0.62 - 0.3 * bounce))


def draw_background(scene: Scene) -> tuple[bytearray, bytearray, bytearray]:
    """Draw a gradient from sky to floor, in gbrp's order of planes."""
    planes = []
    for channel in (1, 2, 0):
        top, bottom = scene.sky[channel], scene.floor[channel]
        rows = (top + (bottom - top) * y // (DEMO_HEIGHT - 1) for y in range(DEMO_HEIGHT))
        planes.append(bytearray(b"".join(bytes((value,)) * DEMO_WIDTH for value in rows)))
    green, blue, red = planes
    return green, blue, red


def text_runs(text: str) -> tuple[PixelRun, ...]:
    """Return the runs of a line of text, from its top left corner."""
    runs = []
    for place, character in enumerate(text):
        for row, bits in enumerate(GLYPHS[character].split()):
            for column, bit in enumerate(bits):
                if bit == "1":
                    left = (place * 6 + column) * GLYPH_SCALE
                    top = row * GLYPH_SCALE
                    runs += [(top + line, left, left + GLYPH_SCALE) for line in range(GLYPH_SCALE)]
    return tuple(runs)


def paint_runs(planes: tuple[bytearray, ...], runs: tuple[PixelRun, ...], x: int, y: int, colour: RgbColor) -> None:
    """Paint the runs of a shape at x, y, clipped to the picture."""
    red, green, blue = colour
    for plane, value in zip(planes, (green, blue, red), strict=True):
        for row, left, right in runs:
            first, last = max(0, x + left), min(DEMO_WIDTH, x + right)
            if 0 <= y + row < DEMO_HEIGHT and first < last:
                start = (y + row) * DEMO_WIDTH
                plane[start + first : start + last] = bytes((value,)) * (last - first)
