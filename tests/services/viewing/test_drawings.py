"""Drawings are any JSON of clients: what has strokes is shown, and nothing of it reaches a page unchecked."""

from typing import Any

import pytest

from services.viewing.drawings import MAX_POINTS, Stroke, read_drawing


def strokes_of(line: Any) -> list[Stroke] | None:
    found = read_drawing({"width": 640, "height": 360, "lines": [line]})
    return found.strokes if found is not None else None


@pytest.mark.parametrize(
    ("line", "stroke"),
    [
        (
            {"points": [{"x": 1, "y": 2}, {"x": 3.5, "y": 4}], "brushColor": "#0f0", "brushRadius": 3},
            Stroke("1,2 3.5,4", "#0f0", 6.0),
        ),
        ({"points": [[1, 2], [3, 4]], "color": "red", "width": 2}, Stroke("1,2 3,4", "red", 2.0)),
        ({"points": [[1, 2]]}, Stroke("1,2 1,2", "#ff3b30", 4.0)),
        ({"points": [[1, 2], ["x", 4], None]}, Stroke("1,2 1,2", "#ff3b30", 4.0)),
        ({"points": [[1, 2]], "color": 'url("x")'}, Stroke("1,2 1,2", "#ff3b30", 4.0)),
        ({"points": [[1, 2]], "width": 1e5}, Stroke("1,2 1,2", "#ff3b30", 200.0)),
    ],
)
def test_a_stroke_is_read(line: Any, stroke: Stroke) -> None:
    assert strokes_of(line) == [stroke]


@pytest.mark.parametrize("line", [None, "M0 0", {}, {"points": "1,2"}, {"points": []}, {"points": [[True, False]]}])
def test_what_is_no_stroke_is_left_out(line: Any) -> None:
    assert strokes_of(line) is None


@pytest.mark.parametrize(
    "drawing",
    [
        None,
        {},
        {"objects": []},
        {"width": 0, "height": 1, "lines": [{"points": [[0, 0]]}]},
        {"width": float("inf"), "height": 1, "lines": [{"points": [[0, 0]]}]},
    ],
)
def test_a_drawing_without_a_size_or_strokes_is_none(drawing: Any) -> None:
    assert read_drawing(drawing) is None


def test_a_huge_drawing_is_cut() -> None:
    lines = [{"points": [[0, 0]] * MAX_POINTS}, {"points": [[1, 1]] * 5}]
    found = read_drawing({"width": 1, "height": 1, "lines": lines})
    assert found is not None
    assert len(found.strokes) == 1
