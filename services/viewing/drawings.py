"""Drawings of comments: clients store any JSON, and pages show what has strokes.

Read are strokes as react-canvas-draw saves them, `{"width", "height", "lines": [{"points": [{"x", "y"}], "brushColor",
"brushRadius"}]}`, with points also as `[x, y]`, and `color` and `width` of a stroke.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-z]{3,20}|rgba?\([\d., %]{5,40}\)")
DEFAULT_COLOR = "#ff3b30"
MAX_POINTS = 10_000
"""Of one drawing; a page shows many."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One line."""

    points: str
    """Pairs `x,y` with spaces between, as SVG writes them."""
    color: str
    width: float


@dataclass(frozen=True, slots=True)
class CommentDrawing:
    """Strokes in a picture of this size."""

    width: float
    height: float
    strokes: list[Stroke]


def read_drawing(drawing: Mapping[str, Any] | None) -> CommentDrawing | None:
    """Return the strokes of a drawing; None where there are none that can be read."""
    if not isinstance(drawing, Mapping):
        return None
    width, height = _number(drawing.get("width")), _number(drawing.get("height"))
    lines = drawing.get("lines")
    if width is None or height is None or width <= 0 or height <= 0 or not isinstance(lines, list):
        return None
    strokes, left = [], MAX_POINTS
    for line in lines:
        if not isinstance(line, Mapping) or not isinstance(line.get("points"), list):
            continue
        points = [point for one in line["points"][:left] if (point := _point(one)) is not None]
        left -= len(points)
        if points:
            strokes.append(_stroke(line, points))
    return CommentDrawing(width, height, strokes) if strokes else None


def _stroke(line: Mapping[str, Any], points: list[tuple[float, float]]) -> Stroke:
    color = line.get("brushColor", line.get("color"))
    radius, width = _number(line.get("brushRadius")), _number(line.get("width"))
    thickness = width if width is not None else 2 * radius if radius is not None else 4.0
    return Stroke(
        " ".join(f"{x:g},{y:g}" for x, y in (points if len(points) > 1 else points * 2)),
        color if isinstance(color, str) and COLOR.fullmatch(color) else DEFAULT_COLOR,
        min(max(thickness, 0.5), 200.0),
    )


def _point(one: Any) -> tuple[float, float] | None:
    x, y = (one.get("x"), one.get("y")) if isinstance(one, Mapping) else _pair(one)
    found = _number(x), _number(y)
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _pair(one: Any) -> Iterator[Any]:
    return iter(one) if isinstance(one, list) and len(one) == 2 else iter((None, None))


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) and abs(value) < 1e6 else None
