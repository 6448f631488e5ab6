"""Paths as bytes: what is inside a folder."""

import pytest

from models.core.paths import is_path_inside


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [
        (b"/media", b"/media", True),
        (b"/media/day 1/a.mov", b"/media", True),
        (b"/media2/a.mov", b"/media", False),
        (b"/media", b"/media/day 1", False),
        (b"/media/a.mov", b"/media/", True),
        (b"/media", b"/", True),
        (b"day 1/a.mov", b"day 1", True),
        (b"day 10/a.mov", b"day 1", False),
        (b"day 1/a.mov", b"", True),
        (b"", b"", True),
        (b"", b"day 1", False),
        (b"", b"/media", False),
    ],
)
def test_a_path_is_inside_its_folders_and_not_inside_those_whose_name_only_begins_alike(
    path: bytes, folder: bytes, inside: bool
) -> None:
    assert is_path_inside(path, folder) is inside
