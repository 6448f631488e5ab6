"""Every row that an input was filed for is there, and about a hundred more of our own making."""

from collections.abc import Collection

import pytest

from tests.media.cases.shared_inputs import ROWS, SAME_NAMES, find_table, has_row

TABLES = (
    *("cases.test_stills.STILLS", "cases.test_clips.CLIPS", "cases.test_clips.SOUNDS", "cases.test_sums.LISTS"),
    *("cases.test_film_frames.EXR", "cases.test_film_frames.DPX", "cases.test_texts.CUES", "cases.test_texts.VALUES"),
    *("stills.test_stills.PLAIN", "stills.test_stills.GRAY", "stills.test_stills.BROKEN"),
)


@pytest.mark.parametrize("path", ROWS)
def test_a_row_for_an_input_is_there(path: str) -> None:
    table, key = ROWS[path]
    if key.startswith("test_"):
        assert callable(find_table(f"{table}.{key}"))
        return
    rows = find_table(table)
    assert isinstance(rows, Collection)
    assert key in rows


def test_an_input_without_a_row_is_found() -> None:
    assert has_row("exr/z_only.exr")
    assert has_row("captions/gbk.srt")
    assert has_row("sums/text.md5")
    assert not has_row("still/other.jpg")
    assert not has_row("sums/other.md5")


def test_there_are_a_hundred_rows_more_than_inputs() -> None:
    tables = [rows for name in TABLES if isinstance(rows := find_table(name), Collection)]
    assert len(tables) == len(TABLES)
    same = [rows for name in SAME_NAMES.values() if isinstance(rows := find_table(name), Collection)]
    assert sum(map(len, tables)) > len(ROWS) + sum(map(len, {id(rows): rows for rows in same}.values())) + 100
