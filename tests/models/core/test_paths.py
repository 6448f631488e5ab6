"""Paths as bytes: what is inside a folder."""

import pytest

from models.core.paths import display_path, escape_surrogates, is_path_inside


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


DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("día ü 日本 🎬.mov".encode(), "día ü 日本 🎬.mov"),
        (b"a\x1b[31m\n.mov", "a\\x1b[31m\\x0a.mov"),
        (b"\xff.mov", "\\xff.mov"),
        ("photo\u202egpj.exe".encode(), "photo\\u202egpj.exe"),
        *((f"a{mark}b".encode(), f"a\\u{ord(mark):04x}b") for mark in DIRECTIONS),
    ],
)
def test_a_name_steers_no_terminal_and_reads_as_no_other_name(name: bytes, shown: str) -> None:
    assert display_path(name) == shown
    assert escape_surrogates(name.decode("utf-8", "surrogateescape")) == shown
