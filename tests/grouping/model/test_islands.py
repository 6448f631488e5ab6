"""Which part of a tree can be grouped alone."""

from __future__ import annotations

import pytest

from grouping.model.islands import ATTACHED_DIRS, is_package_marker, island_of


@pytest.mark.parametrize(
    ("folder", "island"),
    [
        (b"", b""),
        (b"day1", b"day1"),
        (b"proxies", b""),
        (b"day1/Proxies", b"day1"),
        (b"day1/Proxy Media", b"day1"),
        (b"day1/proxies/left", b"day1"),
        (b"film/Subs", b"film"),
        (b"film/Subs/en", b"film/Subs/en"),
        (b"shot/left", b"shot"),
        (b"shot/main_right", b"shot"),
        (b"shot/leftover", b"shot/leftover"),
        (b"card/CONTENTS/VIDEO", b"card"),
        (b"CONTENTS/CLIPS001/AA0001", b""),
        (b"CONTENTS/pages", b"CONTENTS/pages"),
        (b"card/PRIVATE/M4ROOT/CLIP", b"card/PRIVATE/M4ROOT"),
        (b"card/BPAV/CLPR/709_0001_01", b"card/BPAV"),
        (b"A001.RDM/A001_C001.RDC", b"A001.RDM/A001_C001.RDC"),
        (b"A001.RDM", b"A001.RDM"),
        (b"disc/Clip", b"disc"),
        (b"disc/Sub", b"disc"),
        (b"\xff/proxies", b"\xff"),
    ],
)
def test_island(folder: bytes, island: bytes) -> None:
    assert island_of(folder) == island
    assert island_of(island) == island


@pytest.mark.parametrize(
    ("folder", "island"),
    [
        (b"dcp", b"dcp"),
        (b"dcp/subtitles/deep", b"dcp"),
        (b"dcp/inner", b"dcp/inner"),
        (b"dcp/inner/x", b"dcp/inner"),
        (b"dcp/card/CONTENTS/VIDEO", b"dcp/card"),
        (b"dcpx", b"dcpx"),
        (b"other", b"other"),
    ],
)
def test_island_below_a_package(folder: bytes, island: bytes) -> None:
    assert island_of(folder, frozenset({b"dcp", b"dcp/inner"})) == island


def test_a_package_at_the_root_takes_all_in() -> None:
    assert island_of(b"a/b", frozenset({b""})) == b""


def test_a_profiles_own_folders_home_where_they_are_handed_in() -> None:
    assert island_of(b"day1/kleine") == b"day1/kleine"
    assert island_of(b"day1/kleine", attached=ATTACHED_DIRS | {b"kleine"}) == b"day1"


def test_markers() -> None:
    assert is_package_marker(b"ASSETMAP")
    assert is_package_marker(b"ASSETMAP.xml")
    assert not is_package_marker(b"assetmap.txt")
