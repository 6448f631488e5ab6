"""Folder tags: the names of the folders between the root and a file."""

import pytest

from services.metadata.folder_tags import MAX_TAG_CHARACTERS, folder_names


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"a.mov", []),
        (b"Day 1/a.mov", ["Day 1"]),
        (b"Day 1/Cam A/Day 1/a.mov", ["Day 1", "Cam A"]),
        (b" / x /a.mov", ["x"]),
        (b"caf\xe9/a.mov", ["caf\\xe9"]),
        (b"a\tb/a.mov", ["a\\x09b"]),
        (b"x" * 2_000 + b"/a.mov", ["x" * MAX_TAG_CHARACTERS]),
    ],
    ids=["root", "one", "each once", "blank", "not UTF-8", "control character", "long"],
)
def test_each_folder_is_one_tag(path: bytes, expected: list[str]) -> None:
    assert folder_names(path) == expected
