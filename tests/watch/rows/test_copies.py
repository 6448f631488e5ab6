"""A file that is restored, or copied and deleted, keeps its asset despite a different inode."""

import os
import shutil
from pathlib import Path

import pytest

from models.catalog.file import FileStatus
from tests.files import write
from tests.pipeline import Pipeline


def put_elsewhere(root: Path, old: str, new: str) -> None:
    """Copy with its times and delete the source, as a move between file systems does."""
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(root / old, root / new)
    assert (root / old).stat().st_ino != (root / new).stat().st_ino
    (root / old).unlink()


def test_a_file_copied_to_another_folder_and_deleted_keeps_its_asset(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/reel.mov", "day1/other.mov")
    pipeline.settle()
    before, row = pipeline.ids(), pipeline.file("day1/reel.mov")
    put_elsewhere(root, "day1/reel.mov", "day2/reel.mov")
    pipeline.settle()
    assert pipeline.ids() == before
    assert pipeline.file("day2/reel.mov").id == row.id
    assert pipeline.status().missing == 0
    assert "CUSTOM: Renamed from day1/reel.mov to day2/reel.mov." in pipeline.history(before["reel"])
    assert pipeline.broken() == []


def test_a_sequence_copied_away_is_one_asset_still(pipeline: Pipeline, root: Path) -> None:
    names = [f"plate.{number}.exr" for number in range(1001, 1011)]
    write(root, *(f"day1/{name}" for name in names))
    pipeline.settle()
    before = pipeline.ids()
    for name in names:
        put_elsewhere(root, f"day1/{name}", f"day2/{name}")
    pipeline.settle()
    assert pipeline.ids() == before
    assert pipeline.status().missing == 0
    assert pipeline.broken() == []


@pytest.mark.parametrize("first", [3, 5, 7])
def test_a_sequence_copied_away_in_two_parts_is_one_asset_in_the_end(
    pipeline: Pipeline, root: Path, first: int
) -> None:
    names = [f"plate.{number}.exr" for number in range(1001, 1011)]
    write(root, *(f"day1/{name}" for name in names))
    pipeline.settle()
    before = pipeline.ids()
    for part in (names[:first], names[first:]):
        for name in part:
            put_elsewhere(root, f"day1/{name}", f"day2/{name}")
        pipeline.settle()
        assert pipeline.broken() == []
    assert pipeline.ids() == before
    ((asset,), (sequence,)) = pipeline.assets(), pipeline.assets()[0]["formats"]
    assert asset["title"] == "plate"
    assert sequence["files"] == [f"day2/{name}" for name in names]


def test_a_missing_file_restored_into_another_folder_is_found_again(
    pipeline: Pipeline, root: Path, tmp_path: Path
) -> None:
    write(root, "reel.mov")
    pipeline.settle()
    before = pipeline.ids()
    shutil.copy2(root / "reel.mov", tmp_path / "backup")
    (root / "reel.mov").unlink()
    pipeline.settle()
    assert pipeline.status_of("reel.mov") is FileStatus.MISSING
    (root / "restored").mkdir()
    shutil.copy2(tmp_path / "backup", root / "restored" / "reel.mov")
    pipeline.settle()
    assert pipeline.ids() == before
    assert pipeline.titles() == ["reel"]
    assert pipeline.status_of("reel.mov") is None
    assert pipeline.status_of("restored/reel.mov") is FileStatus.REDISCOVERED
    assert pipeline.broken() == []


@pytest.mark.parametrize("difference", ["content", "time", "name"])
def test_what_differs_in_size_time_or_name_is_another_file(pipeline: Pipeline, root: Path, difference: str) -> None:
    write(root, "day1/reel.mov")
    pipeline.settle()
    before = pipeline.file("day1/reel.mov").id
    put_elsewhere(root, "day1/reel.mov", "day2/other.mov" if difference == "name" else "day2/reel.mov")
    (copy,) = (root / "day2").iterdir()
    status = copy.stat()
    if difference == "content":
        copy.write_text("quite another take")
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif difference == "time":
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    pipeline.settle()
    assert pipeline.status_of("day1/reel.mov") is FileStatus.MISSING
    assert pipeline.file(os.path.join("day2", copy.name)).id != before


def test_a_copy_whose_source_stays_is_a_file_of_its_own(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/reel.mov")
    pipeline.settle()
    (root / "day2").mkdir()
    shutil.copy2(root / "day1" / "reel.mov", root / "day2" / "reel.mov")
    pipeline.settle()
    assert pipeline.titles() == ["reel", "reel"]
    assert pipeline.status().missing == 0


def test_where_two_files_could_be_meant_neither_is(pipeline: Pipeline, root: Path) -> None:
    write(root, "a/same.xml", "b/same.xml", content="<clip/>")
    for folder in ("a", "b"):
        os.utime(root / folder / "same.xml", ns=(0, 1_700_000_000_000_000_000))
    pipeline.settle()
    kept = {pipeline.file("a/same.xml").id, pipeline.file("b/same.xml").id}
    shutil.copy2(root / "a" / "same.xml", root / "same.xml")
    for folder in ("a", "b"):
        (root / folder / "same.xml").unlink()
    pipeline.settle()
    assert pipeline.file("same.xml").id not in kept
    assert pipeline.status().missing == 2
