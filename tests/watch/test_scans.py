"""Scans are authoritative: they find what events missed, and write nothing if nothing changed."""

import logging
import os
import shutil
from pathlib import Path

from sqlalchemy import text

from models.catalog.file import FileStatus
from tests.files import drop, write
from tests.pipeline import Pipeline
from tests.powers import without_root_powers

SPINE = ("storage", "folder", "island", "file", "asset", "format", "file_set", "component", "file_set_file", "history")


def versions(pipeline: Pipeline) -> dict[str, list[tuple]]:
    """Return the last writing transaction of each row, except the storage's row, which every scan updates."""
    with pipeline.sessions() as session:
        return {
            table: sorted(map(tuple, session.execute(text(f"SELECT ctid::text, xmin::text FROM {table}"))))
            for table in (*SPINE[1:], "index_mark")
        }


def scan(pipeline: Pipeline) -> None:
    walked = pipeline.storage().last_scanned
    pipeline.watcher.scan_now()
    pipeline.wait_for(lambda: pipeline.storage().last_scanned != walked, what="a walk ended")


def test_a_scan_with_nothing_new_writes_nothing(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov", "b/c.mov", "b/c.en.srt", "empty.mov", *(f"s/x.{n}.exr" for n in range(1, 20)))
    write(root, "empty.mov", content="")
    pipeline.wait_until_quiet()
    scan(pipeline)
    before = versions(pipeline)
    for _ in range(3):
        scan(pipeline)
    assert versions(pipeline) == before


def test_the_scan_after_a_tree_was_published_reads_no_row_of_a_file(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(scan_interval_seconds=3600)
    write(root, "a.mov", "b/c.mov", "b/c.en.srt", *(f"s/x.{n}.exr" for n in range(1, 20)))
    write(root, "empty.mov", content="")
    pipeline.settle()
    before = versions(pipeline)
    with pipeline.sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM folder WHERE digest IS NULL")) == 0
    scan(pipeline)
    assert versions(pipeline) == before


def test_a_restarted_watcher_with_nothing_new_writes_nothing(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov", "b/c.mov", *(f"s/x.{n}.exr" for n in range(1, 20)))
    pipeline.wait_until_quiet()
    scan(pipeline)
    before = versions(pipeline)
    pipeline.watch()
    scan(pipeline)
    assert versions(pipeline) == before


def test_a_restarted_watcher_finds_what_changed_meanwhile_and_creates_nothing_twice(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "stays.mov", "goes.mov", "changes.mov", "day1/moves.mov", "day1/deep/tree.mov")
    pipeline.settle()
    ids = pipeline.ids()
    pipeline.watcher.close()
    write(root, "comes.mov", "changes.mov", content="other content")
    (root / "goes.mov").unlink()
    (root / "day1/moves.mov").rename(root / "moves.mov")
    (root / "day1").rename(root / "day2")
    pipeline.watch()
    pipeline.settle()
    assert pipeline.titles() == ["changes", "comes", "moves", "stays", "tree"]
    assert {title: pipeline.ids()[title] for title in ids} == ids
    assert pipeline.status().files == 5
    assert pipeline.status().missing == 1
    assert pipeline.broken() == []


def test_lost_events_are_made_up_for_by_a_scan_and_told(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(scan_interval_seconds=3600)
    pipeline.settle()
    before = pipeline.storage()
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    pipeline.wait_for(lambda: pipeline.storage().last_scanned != before.last_scanned, what="a scan ended")
    assert pipeline.storage().events_lost == before.events_lost + 1
    assert pipeline.status().storages[0].events_lost == before.events_lost + 1


def test_a_scan_asked_for_during_a_walk_comes_after_it(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(scan_interval_seconds=3600)
    for number in range(1_100):
        (root / f"d{number}").mkdir()
    watcher = pipeline.watch()
    watcher.step()
    walked = pipeline.storage().last_scanned
    watcher.scan_now()
    pipeline.wait_for(lambda: pipeline.storage().last_scanned != walked, what="the walk under way ended")
    walked = pipeline.storage().last_scanned
    pipeline.wait_for(lambda: pipeline.storage().last_scanned != walked, what="the walk that was asked for ended")


def test_a_storage_that_is_not_scanned_leaves_its_folder_alone(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    pipeline.change_settings(scan=False)
    write(root, "b.mov")
    pipeline.watch()
    pipeline.wait_for(lambda: pipeline.watcher.is_at_rest, what="the watcher is at rest")
    assert pipeline.titles() == ["a"]


def test_own_patterns_are_ignored_by_events_and_scans_alike(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    pipeline.change_settings(scan_ignore=["*.bak", "render/tmp"])
    write(root, "a.mov", "a.mov.bak", "render/tmp/x.exr", "other/tmp/y.mov")
    pipeline.settle()
    drop(tmp_path, root, "late.bak", "render/tmp/late.mov", "late.mov")
    pipeline.settle()
    assert pipeline.titles() == ["a", "late", "y"]
    assert '"*.bak"' in pipeline.explain("a.mov.bak")
    assert '"render/tmp"' in pipeline.explain("render/tmp/x.exr")


def test_only_the_scan_folders_are_watched_where_they_are_named(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    pipeline.change_settings(scan_directories=["in", "deep/er"])
    write(root, "top.mov", "in/a.mov", "out/b.mov", "deep/er/c.mov", "deep/d.mov", "into/e.mov")
    pipeline.settle()
    drop(tmp_path, root, "out/late.mov", "in/sub/late.mov", "late.mov")
    pipeline.settle()
    assert pipeline.titles() == ["a", "c", "late"]
    assert "outside the scan folders" in pipeline.explain("out/b.mov")
    shutil.rmtree(root / "in")
    pipeline.settle()
    assert pipeline.titles() == ["c"]


def test_an_ignored_folder_that_was_grouped_before_stays_without_being_told_as_missing(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "a.mov", "wip/b.mov")
    pipeline.settle()
    pipeline.change_settings(scan_ignore=["wip"])
    pipeline.watch()
    pipeline.settle()
    assert pipeline.titles() == ["a", "b"]
    assert pipeline.status().missing == 0


def test_the_data_folder_inside_the_root_is_never_entered(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    pipeline.excluded = frozenset({os.fsencode(root / "own")})
    write(root, "a.mov", "own/proxies/p.mov")
    pipeline.settle()
    drop(tmp_path, root, "own/late.mov", "own2/near.mov")
    pipeline.settle()
    assert pipeline.titles() == ["a", "near"]
    assert "Tapeless's own folder" in pipeline.explain("own/proxies/p.mov")
    assert pipeline.broken() == []


def test_a_folder_without_permission_is_told_and_everything_else_goes_on(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov", "closed/b.mov", "closed/deep/c.mov")
    (root / "closed").chmod(0)
    with without_root_powers():
        pipeline.settle()
        assert pipeline.titles() == ["a"]
        assert pipeline.status().failed == 1
        assert pipeline.status().storages[0].unreadable == ["closed: Permission denied"]
        for name in ("closed/b.mov", "closed/deep/c.mov"):
            assert 'its folder "closed" cannot be read (Permission denied)' in pipeline.explain(name)
        (root / "closed").chmod(0o700)
        pipeline.settle()
    assert pipeline.titles() == ["a", "b", "c"]
    assert pipeline.status().failed == 0


def test_a_folder_that_becomes_unreadable_loses_nothing(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov", "closed/b.mov", "closed/deep/c.mov")
    pipeline.settle()
    (root / "closed").chmod(0)
    with without_root_powers():
        pipeline.settle()
        assert (pipeline.status().missing, pipeline.status().failed) == (0, 1)
        assert pipeline.titles() == ["a", "b", "c"]
        assert 'its folder "closed" cannot be read' in pipeline.explain("closed/b.mov")
        (root / "closed").chmod(0o700)
        shutil.rmtree(root / "closed")
        pipeline.settle()
    assert (pipeline.status().missing, pipeline.status().failed) == (2, 0)
    assert pipeline.titles() == ["a"]


def test_a_path_longer_than_the_system_takes_is_told_like_an_unreadable_folder(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    here = os.open(root, os.O_RDONLY)
    for _ in range(21):  # 21 names of 200 bytes are more than a path may have
        os.mkdir("x" * 200, dir_fd=here)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    pipeline.settle()
    assert pipeline.titles() == ["a"]
    assert pipeline.status().failed == 1
    assert "File name too long" in pipeline.status().storages[0].unreadable[0]


def test_a_file_in_the_place_of_a_folder_takes_the_folders_files_away(pipeline: Pipeline, root: Path) -> None:
    write(root, "take/a.mov")
    pipeline.settle()
    shutil.rmtree(root / "take")
    write(root, "take")
    pipeline.settle()
    assert pipeline.status_of("take/a.mov") is FileStatus.MISSING
    assert pipeline.titles() == ["take"]
