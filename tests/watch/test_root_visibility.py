"""A machine sees a storage only where recorded files of it are: not below an empty mount point or on another disk."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models.core.mounts import configure_mounts
from tests.files import write
from tests.pipeline import Pipeline
from watch.root_visibility import find_unseen_storages


def empty(root: Path) -> None:
    for each in root.iterdir():
        each.rename(root.parent / each.name)


def replace_disk(root: Path) -> None:
    empty(root)
    write(root, "other.mov")


def rewrite(root: Path) -> None:
    write(root, "day1/a.mov", content="longer than before")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda root: None, None),
        (rewrite, None),  # another file is still the same
        (lambda root: shutil.rmtree(root / "day1"), None),
        (lambda root: root.rename(root.parent / "moved"), "is not there or not readable"),
        (lambda root: (empty(root), root.rmdir(), root.write_text("")), "is not there or not readable"),
        (empty, "holds none of its files"),
        (replace_disk, "holds none of its files"),
    ],
)
def test_a_storage_is_seen_where_a_recorded_file_is(
    pipeline: Pipeline, root: Path, change: Callable[[Path], object], reason: str | None
) -> None:
    write(root, "day1/a.mov")
    write(root, "b.mov", content="another")
    pipeline.settle()
    change(root)
    unseen = find_unseen_storages(pipeline.sessions)
    assert unseen.keys() == (set() if reason is None else {pipeline.storage().id})
    assert all(reason in each for each in unseen.values() if reason)


def test_a_storage_without_recorded_files_is_seen_wherever_its_root_is(pipeline: Pipeline, root: Path) -> None:
    assert find_unseen_storages(pipeline.sessions) == {}
    root.rmdir()
    assert len(find_unseen_storages(pipeline.sessions)) == 1


def test_files_that_vanished_at_once_do_not_hide_those_that_are_there(pipeline: Pipeline, root: Path) -> None:
    """While deletions are frozen, the rows of all of them say that they are there."""
    for number in range(30):
        write(root, f"a/{number}.pdf")
    write(root, "z/last.pdf")
    pipeline.settle()
    shutil.rmtree(root / "a")
    with pipeline.sessions.begin() as session:
        session.connection().exec_driver_sql(
            "UPDATE file SET suspected_at = now() FROM folder WHERE folder.id = folder_id AND folder.name = 'a'"
        )
    assert find_unseen_storages(pipeline.sessions) == {}


def test_the_mount_point_of_this_machine_is_looked_at(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    elsewhere = tmp_path / "elsewhere"
    root.rename(elsewhere)
    assert find_unseen_storages(pipeline.sessions)
    configure_mounts({os.fsencode(root): os.fsencode(elsewhere)})
    try:
        assert find_unseen_storages(pipeline.sessions) == {}
    finally:
        configure_mounts({})
