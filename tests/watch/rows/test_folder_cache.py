"""Folder rows are created once, and a cache that did not create one does not consider its folder empty."""

from pathlib import Path

import pytest
from sqlalchemy import select

from grouping.model.islands import island_of
from models.catalog.storage import Storage
from tests.pipeline import Pipeline
from watch.rows.folder_cache import FolderCache


@pytest.fixture
def book(pipeline: Pipeline) -> FolderCache:
    """A cache that has read nothing yet."""
    with pipeline.sessions() as session:
        return FolderCache(session.scalar(select(Storage.id)), island_of)


def test_a_folder_is_new_to_the_book_that_makes_its_row(pipeline: Pipeline, book: FolderCache) -> None:
    book.ensure(pipeline.sessions, [b"day1/reel1"])
    assert [book.get(path).is_new for path in (b"", b"day1", b"day1/reel1")] == [True, True, True]


def test_a_folder_whose_row_was_there_is_not_new(pipeline: Pipeline, root: Path, book: FolderCache) -> None:
    (root / "day1").mkdir()
    (root / "day1" / "clip.mov").write_bytes(b"clip")
    pipeline.settle()
    book.ensure(pipeline.sessions, [b"day1"])
    assert [book.get(path).is_new for path in (b"", b"day1")] == [False, False]


def test_a_folder_is_not_new_once_a_file_of_it_was_published(pipeline: Pipeline, root: Path) -> None:
    for name in ("first.mov", "second.mov"):
        (root / "day1").mkdir(exist_ok=True)
        (root / "day1" / name).write_bytes(b"clip")
        pipeline.settle()
    assert [asset["title"] for asset in pipeline.assets()] == ["first", "second"]
