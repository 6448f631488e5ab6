"""Missing files: reported after a second check, restored to their place, and never confused with a lost mount."""

import os
import shutil
from pathlib import Path

import pytest

from models.catalog.file import FileStatus
from models.catalog.storage import StorageStatus
from models.core.sessions import transact
from services.storages.storages import confirm_deletions, find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline

MANY = [f"clip {number:03}.mov" for number in range(150)]


def accept(pipeline: Pipeline) -> None:
    transact(pipeline.sessions, lambda session: confirm_deletions(session, find_storage_by_name(session, "Rushes")))


def is_failing(pipeline: Pipeline) -> bool:
    return pipeline.storage().status is StorageStatus.FAILING


def statuses(pipeline: Pipeline, names: list[str]) -> set[FileStatus | None]:
    return {pipeline.status_of(name) for name in names}


def scans(pipeline: Pipeline, times: int = 2) -> None:
    """Run full scans one after the other, including their effects."""
    for _ in range(times):
        walked = pipeline.storage().last_scanned
        pipeline.watcher.scan_now()
        pipeline.wait_for(lambda walked=walked: pipeline.storage().last_scanned != walked, what="a walk ended")


def test_a_file_found_gone_is_suspected_first_and_stays_grouped(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(scan_interval_seconds=3600)
    write(root, "take.mov")
    pipeline.settle()
    (root / "take.mov").unlink()
    pipeline.watcher.scan_now()
    pipeline.wait_for(lambda: pipeline.file("take.mov").suspected_at is not None, what="the file is suspected")
    assert pipeline.status_of("take.mov") is FileStatus.CLOSED
    assert pipeline.titles() == ["take"]
    assert "the next scan decides" in pipeline.explain("take.mov")
    write(root, "take.mov", content="take.mov")
    pipeline.watcher.scan_now()
    pipeline.wait_for(lambda: pipeline.file("take.mov").suspected_at is None, what="the suspicion is cleared")
    assert pipeline.status().missing == 0


def test_a_file_gone_at_the_second_look_is_missing_and_its_asset_is_offline(pipeline: Pipeline, root: Path) -> None:
    write(root, "take.mov", "other.mov")
    pipeline.settle()
    ids = pipeline.ids()
    (root / "take.mov").unlink()
    pipeline.settle()
    assert pipeline.status_of("take.mov") is FileStatus.MISSING
    assert pipeline.ids() == ids
    assert not pipeline.show("take")["is_online"]
    assert "1 file missing: take.mov." in pipeline.history(ids["take"])[-1]
    assert "is missing since" in pipeline.explain("take.mov")
    assert pipeline.status().missing == 1
    assert pipeline.broken() == []


def test_a_missing_file_returns_to_its_place_and_history_tells_it_once(pipeline: Pipeline, root: Path) -> None:
    write(root, "take.mov")
    pipeline.settle()
    ids = pipeline.ids()
    (root / "take.mov").rename(root.parent / "take.mov")
    pipeline.settle()
    (root.parent / "take.mov").rename(root / "take.mov")
    pipeline.settle()
    scans(pipeline)
    assert pipeline.ids() == ids
    assert pipeline.status_of("take.mov") is FileStatus.REDISCOVERED
    assert pipeline.show("take")["is_online"]
    told = pipeline.history(ids["take"])
    assert [entry for entry in told if "found again" in entry] == ["MODIFY_FILESET: 1 file found again: take.mov."]
    assert len(told) == 3
    assert pipeline.broken() == []


def test_a_missing_frame_is_a_hole_until_it_is_back(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"plate.{number}.exr" for number in range(1001, 1021)))
    pipeline.settle()
    ids = pipeline.ids()
    (root / "plate.1007.exr").rename(root.parent / "kept.exr")
    pipeline.settle()
    (file_set,) = pipeline.show("plate")["formats"][0]["file_sets"]
    assert (file_set["file_count"], file_set["missing_frames"], file_set["missing"]) == (19, 1, "1007")
    (root.parent / "kept.exr").rename(root / "plate.1007.exr")
    pipeline.settle()
    (file_set,) = pipeline.show("plate")["formats"][0]["file_sets"]
    assert (file_set["file_count"], file_set["missing_frames"]) == (20, 0)
    assert pipeline.ids() == ids
    assert [entry for entry in pipeline.history(ids["plate"]) if "plate.1007.exr" in entry] == [
        "MODIFY_FILESET: 1 file missing: plate.1007.exr.",
        "MODIFY_FILESET: 1 file found again: plate.1007.exr.",
    ]
    assert pipeline.broken() == []


def test_a_file_that_comes_back_while_it_is_still_written_keeps_its_asset(pipeline: Pipeline, root: Path) -> None:
    write(root, "take.mov")
    pipeline.settle()
    ids = pipeline.ids()
    (root / "take.mov").unlink()
    pipeline.settle()
    with open(root / "take.mov", "wb", buffering=0) as take:

        def grows() -> bool:
            take.write(b"copied again from tape")
            return pipeline.status().growing == 1

        pipeline.wait_for(grows, what="the file shows as growing")
        assert "on disk it has" in pipeline.explain("take.mov")
    pipeline.settle()
    assert pipeline.ids() == ids
    assert pipeline.status_of("take.mov") is FileStatus.REDISCOVERED
    assert pipeline.show("take")["is_online"]
    assert pipeline.history(ids["take"])[2] == "MODIFY_FILESET: 1 file found again: take.mov."


def test_a_folder_that_is_gone_takes_its_files_along(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/a.mov", "day1/b/c.mov", "day2/d.mov")
    pipeline.settle()
    shutil.rmtree(root / "day1")
    pipeline.settle()
    assert statuses(pipeline, ["day1/a.mov", "day1/b/c.mov"]) == {FileStatus.MISSING}
    assert pipeline.titles() == ["d"]
    write(root, "day1/a.mov")
    pipeline.settle()
    assert pipeline.titles() == ["a", "d"]
    assert pipeline.status_of("day1/a.mov") is FileStatus.REDISCOVERED


def test_a_root_that_is_renamed_away_marks_nothing_missing_and_is_taken_up_again(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "a.mov", "b/c.mov")
    pipeline.settle()
    ids = pipeline.ids()
    root.rename(root.parent / "unplugged")
    pipeline.wait_for(lambda: is_failing(pipeline), what="the storage is failing")
    assert pipeline.storage().status_message == (
        'storage "Rushes": root is not mounted or cannot be read; nothing was marked missing.'
    )
    assert pipeline.status().missing == pipeline.status().suspected == 0
    (root.parent / "unplugged").rename(root)
    pipeline.wait_for(lambda: not is_failing(pipeline), what="the storage is active again")
    write(root, "new.mov")
    pipeline.settle()
    assert pipeline.storage().status_message == ""
    assert {title: pipeline.ids()[title] for title in ids} == ids
    assert pipeline.titles() == ["a", "c", "new"]


def test_an_empty_folder_in_the_place_of_a_mount_marks_nothing_missing_until_it_is_accepted(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "a.mov", "b/c.mov")
    pipeline.settle()
    root.rename(root.parent / "unplugged")
    root.mkdir()
    next_step = "run: tapeless storage confirm-deletions Rushes"
    pipeline.wait_for(lambda: next_step in pipeline.storage().status_message, what="the next step is told")
    assert "another folder than before" in pipeline.storage().status_message
    assert pipeline.status().missing == pipeline.status().suspected == 0
    accept(pipeline)
    pipeline.wait_for(lambda: pipeline.status().missing == 2, what="the files of the other disk are missing")
    assert pipeline.storage().status is StorageStatus.ACTIVE


def test_the_disk_that_belongs_there_needs_no_acceptance(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov", "b/c.mov")
    pipeline.settle()
    root.rename(root.parent / "unplugged")
    root.mkdir()
    pipeline.wait_for(
        lambda: "confirm-deletions" in pipeline.storage().status_message, what="the other folder is refused"
    )
    root.rmdir()
    (root.parent / "unplugged").rename(root)
    pipeline.wait_for(lambda: not is_failing(pipeline), what="the storage is active again")
    pipeline.settle()
    assert pipeline.titles() == ["a", "c"]


def test_a_root_that_was_empty_may_be_another_folder_tomorrow(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    root.rename(root.parent / "old and empty")
    root.mkdir()
    write(root, "first.mov")
    pipeline.wait_for(lambda: pipeline.titles() == ["first"], what="the new folder's file is an asset")
    assert pipeline.storage().status_message == ""


def test_a_root_that_is_missing_at_the_start_is_taken_up_when_it_appears(pipeline: Pipeline, root: Path) -> None:
    root.rmdir()
    pipeline.watch()
    pipeline.wait_for(lambda: is_failing(pipeline), what="the storage is failing")
    assert "root is not mounted" in pipeline.storage().status_message
    write(root, "a.mov")
    pipeline.wait_for(lambda: pipeline.titles() == ["a"], what="the file is an asset")
    assert pipeline.storage().status is StorageStatus.ACTIVE


def test_a_restarted_watcher_keeps_refusing_another_folder_and_says_so(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    root.rename(root.parent / "unplugged")
    pipeline.wait_for(lambda: is_failing(pipeline), what="the storage is failing")
    pipeline.watcher.close()
    root.mkdir()
    pipeline.watch()
    pipeline.wait_for(
        lambda: "confirm-deletions" in pipeline.storage().status_message, what="the other folder is refused"
    )
    assert pipeline.status().missing == 0


def test_the_breaker_holds_when_much_vanishes_at_once_until_a_person_accepts(pipeline: Pipeline, root: Path) -> None:
    write(root, *MANY)
    pipeline.settle()
    for name in MANY[:140]:
        (root / name).unlink()
    pipeline.wait_for(lambda: pipeline.storage().frozen_reason, what="deletions are frozen")
    assert pipeline.storage().frozen_reason == (
        'storage "Rushes": 140 of 150 files vanished at once; nothing was marked missing. '
        "If they are really gone, run: tapeless storage confirm-deletions Rushes"
    )
    write(root, "while frozen.mov")
    pipeline.wait_for(lambda: "while frozen" in pipeline.titles(), what="a new file is still an asset")
    scans(pipeline)
    assert pipeline.status().missing == 0
    assert len(pipeline.titles()) == 151
    assert "140 of 150 files vanished" in pipeline.explain(MANY[0])
    accept(pipeline)
    pipeline.wait_for(lambda: pipeline.status().missing == 140, what="what vanished is missing")
    assert pipeline.storage().frozen_reason is None
    assert pipeline.storage().status_message == ""


def test_the_breaker_lets_go_by_itself_when_everything_is_back(pipeline: Pipeline, root: Path) -> None:
    write(root, *MANY)
    pipeline.settle()
    (root.parent / "kept").mkdir()
    for name in MANY:
        (root / name).rename(root.parent / "kept" / name)
    pipeline.wait_for(lambda: pipeline.storage().frozen_reason, what="deletions are frozen")
    for name in MANY:
        (root.parent / "kept" / name).rename(root / name)
    pipeline.wait_for(lambda: pipeline.storage().frozen_reason is None, what="deletions go on")
    assert (pipeline.status().missing, pipeline.storage().status_message) == (0, "")


def test_the_breaker_is_armed_again_after_an_accepted_loss(pipeline: Pipeline, root: Path) -> None:
    write(root, *MANY, *(f"more {name}" for name in MANY))
    pipeline.settle()
    for name in MANY:
        (root / name).unlink()
    pipeline.wait_for(lambda: pipeline.storage().frozen_reason, what="deletions are frozen")
    accept(pipeline)
    pipeline.wait_for(lambda: pipeline.status().missing == 150, what="what vanished is missing")
    pipeline.settle()
    for name in MANY:
        (root / f"more {name}").unlink()
    pipeline.wait_for(lambda: pipeline.storage().frozen_reason, what="deletions are frozen again")
    assert pipeline.status().missing == 150


@pytest.mark.parametrize(("recorded", "vanishing"), [(100, 100), (600, 110)])
def test_a_clean_up_of_a_hundred_files_or_a_fifth_is_believed(
    pipeline: Pipeline, root: Path, recorded: int, vanishing: int
) -> None:
    names = [f"{number}/clip.mov" for number in range(recorded)]
    write(root, *names)
    pipeline.settle()
    for name in names[:vanishing]:
        os.unlink(root / name)
    pipeline.settle()
    assert pipeline.status().missing == vanishing
    assert pipeline.storage().frozen_reason is None
