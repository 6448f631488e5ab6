"""Ignored files, and the pattern that ignores each."""

from __future__ import annotations

import pytest

from grouping import IgnorePatterns, find_ignore_pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (b".DS_Store", ".DS_Store"),
        (b"a/b/Thumbs.db", "Thumbs.db"),
        (b"a/THUMBS.DB", "Thumbs.db"),
        (b"a/._clip.mov", "._*"),
        (b"~$deal.docx", "~$*"),
        (b"@eaDir/a/b.jpg", "@eaDir"),
        (b"x/#recycle/a.mov", "#recycle"),
        (b"#snapshot/a.mov", "#snapshot"),
        (b".stversions/a.mov", ".stversions"),
        (b"a.mov.part", "*.part"),
        (b"a.mov.PARTIAL", "*.partial"),
        (b"a.tmp", "*.tmp"),
        (b"film.part1.mov", None),
        (b"party.mov", None),
        (b".hidden.mov", None),
        (b"recycle/a.mov", None),
        (b"", None),
    ],
)
def test_built_in_patterns(path: bytes, pattern: str | None) -> None:
    assert find_ignore_pattern(path) == pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (b"a/render.bak", "*.bak"),
        (b"cache/x/a.exr", "cache"),
        (b"show/wip/a.exr", "show/wip"),
        (b"other/wip/a.exr", None),
        (b"bak.mov", None),
        (b"\xff.bak", "*.bak"),
    ],
)
def test_a_storages_own_patterns(path: bytes, pattern: str | None) -> None:
    assert find_ignore_pattern(path, ["*.bak", "cache", "show/wip"]) == pattern


def test_one_segment_is_asked_by_its_name() -> None:
    ignore = IgnorePatterns(["*.bak", "a/b"])
    assert ignore.name(b"x.bak") == "*.bak"
    assert ignore.name(b"b") is None
    assert ignore.has_paths
    assert not IgnorePatterns().has_paths
