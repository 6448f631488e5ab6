"""A file that moves to another storage keeps its asset, if that storage's setting enables it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.catalog.asset import FileSet
from services.operations.explain import find_file_row
from services.storages.storages import find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline, stored_assets

FRAMES = [f"plate.{number}.exr" for number in range(1001, 1011)]


@pytest.fixture
def archive(pipeline: Pipeline, tmp_path: Path) -> Iterator[Pipeline]:
    """A second storage of the same system."""
    root = tmp_path / "archive"
    root.mkdir()
    second = Pipeline(root, pipeline.sessions)
    yield second
    if second.watcher is not None:
        second.watcher.close()


def archive_files(pipeline: Pipeline, archive: Pipeline, *names: str) -> None:
    """Copy with times, delete, and let both watchers see it."""
    for name in names:
        target = archive.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(pipeline.root / name, target.with_suffix(".part"))
        (pipeline.root / name).unlink()
    pipeline.settle()
    for name in names:
        (archive.root / name).with_suffix(".part").rename(archive.root / name)
    archive.settle()
    pipeline.settle()


def test_an_asset_moves_with_its_files_to_a_storage_that_asks_for_it(pipeline: Pipeline, archive: Pipeline) -> None:
    archive.add_storage("Archive", aggregate_identical_files=True)
    write(pipeline.root, "day1/take.mov", "day1/take.en.srt", *(f"day1/{name}" for name in FRAMES))
    pipeline.settle()
    before = pipeline.ids()
    archive_files(pipeline, archive, "day1/take.mov", "day1/take.en.srt", *(f"day1/{name}" for name in FRAMES))
    assert pipeline.ids() == before
    assert pipeline.status().missing == 0
    with pipeline.sessions() as session:
        assert len(stored_assets(session)) == 2
        assert len(set(session.scalars(select(FileSet.storage_id)))) == 1
    assert pipeline.broken() == []


def test_files_that_are_alike_are_told_apart_on_their_way_to_another_storage(
    pipeline: Pipeline, archive: Pipeline
) -> None:
    archive.add_storage("Archive", aggregate_identical_files=True)
    names = ["sh010/frame.mov", "sh020/frame.mov"]
    for name in names:
        write(pipeline.root, name, content=name[:5])
        os.utime(pipeline.root / name, (1_700_000_000, 1_700_000_000))
    pipeline.settle()
    before = [pipeline.file(name).id for name in names]
    archive_files(pipeline, archive, *names)
    with pipeline.sessions() as session:
        storage = find_storage_by_name(session, "Archive")
        assert [find_file_row(session, storage, name.encode()).id for name in names] == before
    assert pipeline.status().missing == 0


def test_without_the_setting_each_storage_has_its_own_asset(pipeline: Pipeline, archive: Pipeline) -> None:
    archive.add_storage("Archive")
    write(pipeline.root, "take.mov")
    pipeline.settle()
    archive_files(pipeline, archive, "take.mov")
    assert pipeline.status().missing == 1
    with pipeline.sessions() as session:
        assert len(set(session.scalars(select(FileSet.storage_id)))) == 2


def test_of_two_files_that_could_be_meant_neither_is_taken(pipeline: Pipeline, archive: Pipeline) -> None:
    archive.add_storage("Archive", aggregate_identical_files=True)
    write(pipeline.root, "a/take.mov")
    (pipeline.root / "b").mkdir()
    shutil.copy2(pipeline.root / "a/take.mov", pipeline.root / "b/take.mov")
    pipeline.settle()
    (pipeline.root / "b/take.mov").unlink()
    archive_files(pipeline, archive, "a/take.mov")
    assert pipeline.status().missing == 2
    assert pipeline.broken() == []
