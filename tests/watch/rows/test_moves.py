"""Renames keep identity: a file keeps its row and its asset under another name or in another folder."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from models.catalog.file import FileStatus
from tests.files import write
from tests.pipeline import Pipeline

FRAMES = [f"plate.{number}.exr" for number in range(1001, 1021)]


def test_a_renamed_file_keeps_its_asset_and_history_tells_both_names(pipeline: Pipeline, root: Path) -> None:
    write(root, "untitled.mov")
    pipeline.settle()
    (asset_id,) = pipeline.ids().values()
    (root / "untitled.mov").rename(root / "the_good_take.mov")
    pipeline.settle()
    assert pipeline.ids() == {"the_good_take": asset_id}
    assert pipeline.history(asset_id)[1:] == ["CUSTOM: Renamed from untitled.mov to the_good_take.mov."]
    assert (pipeline.status().files, pipeline.status().missing) == (1, 0)
    assert pipeline.broken() == []


@pytest.mark.parametrize("while_watched", [True, False])
def test_a_renamed_folder_keeps_its_assets(pipeline: Pipeline, root: Path, while_watched: bool) -> None:
    write(root, "day1/a.mov", "day1/a.en.srt", "day1/b.mov", *(f"day1/{name}" for name in FRAMES))
    pipeline.settle()
    ids = pipeline.ids()
    if not while_watched:
        pipeline.watcher.close()
    (root / "day1").rename(root / "monday")
    if not while_watched:
        pipeline.watch()
    pipeline.settle()
    assert pipeline.ids() == ids
    assert (pipeline.status().files, pipeline.status().missing) == (23, 0)
    assert pipeline.show("a")["formats"][0]["file_sets"][0]["base_dir"] == "monday"
    assert [entry for entry in pipeline.history(ids["b"]) if "Renamed" in entry] == [
        "CUSTOM: Renamed from day1/b.mov to monday/b.mov."
    ]
    assert pipeline.broken() == []


def test_a_renamed_tree_keeps_its_assets(pipeline: Pipeline, root: Path) -> None:
    write(root, "job/day1/a.mov", "job/day1/proxies/a.mp4", "job/day2/deep/b.mov", "other.mov")
    pipeline.settle()
    ids = pipeline.ids()
    (root / "job").rename(root / "job_delivered")
    pipeline.settle()
    assert pipeline.ids() == ids
    assert (pipeline.status().files, pipeline.status().missing) == (4, 0)
    assert pipeline.broken() == []


def test_a_file_moved_to_another_folder_keeps_its_asset(pipeline: Pipeline, root: Path) -> None:
    write(root, "in/a.mov", "in/b.mov")
    pipeline.settle()
    ids = pipeline.ids()
    (root / "done").mkdir()
    (root / "in/a.mov").rename(root / "done/a.mov")
    pipeline.settle()
    pipeline.wait_until_quiet()
    assert pipeline.ids() == ids
    assert pipeline.history(ids["a"])[1:] == ["CUSTOM: Renamed from in/a.mov to done/a.mov."]
    assert pipeline.broken() == []


def test_a_file_that_joins_another_folders_asset_leaves_its_own(pipeline: Pipeline, root: Path) -> None:
    write(root, "left/goldfish_L.mov", "goldfish_R.mov", "elsewhere/goldfish_L.mov")
    shutil.rmtree(root / "left")
    pipeline.settle()
    assert pipeline.titles() == ["goldfish_L", "goldfish_R"]
    right = pipeline.ids()["goldfish_R"]
    (root / "elsewhere/goldfish_L.mov").rename(root / "goldfish_L.mov")
    pipeline.settle()
    assert pipeline.titles() == ["goldfish"]
    assert pipeline.show(str(right))["title"] == "goldfish"
    assert pipeline.broken() == []


def test_a_tree_larger_than_the_breaker_may_be_renamed(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"job/{number}/clip.mov" for number in range(40)), *(f"job/{name}" for name in FRAMES))
    write(root, *(f"job/many/{number:03}.txt" for number in range(150)))
    pipeline.settle()
    ids = pipeline.ids()
    (root / "job").rename(root / "job_final")
    pipeline.settle()
    assert pipeline.ids() == ids
    assert (pipeline.status().missing, pipeline.storage().frozen_reason) == (0, None)


def test_a_tree_that_settles_slowly_under_its_new_name_is_no_loss(pipeline: Pipeline, root: Path) -> None:
    """The second look comes long before the files are stable under their new names."""
    write(root, *(f"job/{number}/clip {number}.mov" for number in range(150)))
    pipeline.settle()
    ids = pipeline.ids()
    pipeline.change_settings(growing_files_threshold=1.0)
    pipeline.timing = dataclasses.replace(pipeline.timing, close_seconds=1.0)
    pipeline.watch()
    pipeline.settle()
    (root / "job").rename(root / "job_final")

    def is_renamed() -> bool:
        assert pipeline.storage().frozen_reason is None
        assert pipeline.status().missing == 0
        return pipeline.status_of("job_final/149/clip 149.mov") is FileStatus.CLOSED

    pipeline.wait_for(is_renamed, what="the files are known by their new names")
    pipeline.wait_until_quiet()
    assert pipeline.ids() == ids
    assert [len(pipeline.history(asset_id)) for asset_id in ids.values()] == [2] * 150


@pytest.mark.parametrize("while_watched", [True, False])
def test_a_name_that_is_taken_again_after_a_rename_loses_no_file(
    pipeline: Pipeline, root: Path, while_watched: bool
) -> None:
    write(root, "take.mov", "frames/x.1.exr", "frames/x.2.exr")
    pipeline.settle()
    if not while_watched:
        pipeline.watcher.close()
    (root / "take.mov").rename(root / "take_old.mov")
    write(root, "take.mov", content="the new take")
    (root / "frames/x.1.exr").rename(root / "frames/x.3.exr")
    write(root, "frames/x.1.exr", content="the new frame")
    if not while_watched:
        pipeline.watch()
    pipeline.settle()
    assert pipeline.titles() == ["take", "take_old", "x"]
    assert pipeline.show("x")["formats"][0]["file_sets"][0]["frames"] == "1-3"
    assert pipeline.broken() == []


def test_two_names_of_one_file_are_two_files(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    ids = pipeline.ids()
    os.link(root / "a.mov", root / "b.mov")
    pipeline.settle()
    assert pipeline.titles() == ["a", "b"]
    assert pipeline.ids()["a"] == ids["a"]
    (root / "a.mov").unlink()
    pipeline.settle()
    assert pipeline.status_of("a.mov") is FileStatus.MISSING
    assert pipeline.status_of("b.mov") is FileStatus.CLOSED
    assert pipeline.broken() == []


def test_a_file_replaced_in_place_keeps_its_asset_and_is_told_once_when_quiet(pipeline: Pipeline, root: Path) -> None:
    write(root, "grade.mov")
    pipeline.settle()
    ids = pipeline.ids()
    write(root.parent, "new version.mov", content="another grade of another length")
    (root.parent / "new version.mov").rename(root / "grade.mov")
    told = "MODIFY_FILESET: grade.mov: 1 file rewritten."
    pipeline.wait_for(lambda: told in pipeline.history(ids["grade"]), what="the new content is told")
    pipeline.settle()
    assert pipeline.ids() == ids
    assert pipeline.history(ids["grade"])[1:] == [told]


def test_a_file_moved_over_another_takes_its_place(pipeline: Pipeline, root: Path) -> None:
    write(root, "final.mov", "final_v2.mov")
    pipeline.settle()
    ids = pipeline.ids()
    (root / "final_v2.mov").rename(root / "final.mov")
    pipeline.settle()
    assert pipeline.titles() == ["final"]
    assert pipeline.ids()["final"] == ids["final"]
    assert pipeline.file("final.mov").size == len("final_v2.mov")
    assert pipeline.broken() == []


def test_a_restored_file_with_another_inode_changes_nothing_that_shows(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    history = pipeline.history(pipeline.ids()["a"])
    shutil.copy2(root / "a.mov", root.parent / "backup.mov")
    (root.parent / "backup.mov").rename(root / "a.mov")
    inode = (root / "a.mov").stat().st_ino
    pipeline.settle()
    assert pipeline.file("a.mov").inode == inode
    assert pipeline.history(pipeline.ids()["a"]) == history


def test_a_renamed_sequence_is_one_move(pipeline: Pipeline, root: Path) -> None:
    write(root, *FRAMES)
    pipeline.settle()
    (asset_id,) = pipeline.ids().values()
    for name in FRAMES:
        (root / name).rename(root / name.replace("plate", "bg_plate"))
    pipeline.settle()
    pipeline.settle()
    assert pipeline.ids() == {"bg_plate": asset_id}
    assert (pipeline.status().files, pipeline.status().missing) == (20, 0)
    assert pipeline.broken() == []
