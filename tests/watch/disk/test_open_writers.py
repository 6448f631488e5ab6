"""A file that a process has open for writing is told from a finished one, where the kernel gives a lease."""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.files import write
from tests.pipeline import Pipeline
from tests.powers import without_root_powers
from watch.disk.open_writers import is_open_for_writing

LONG_AGO = 1_000_000_000 * 10**9
OTHER_USER = 12_345


@pytest.mark.parametrize(
    ("flags", "is_open"),
    [
        (os.O_RDONLY, False),
        (os.O_WRONLY, True),
        (os.O_RDWR, True),
        (os.O_WRONLY | os.O_APPEND, True),
        (os.O_PATH, False),
    ],
)
def test_only_a_writer_counts(root: Path, flags: int, is_open: bool) -> None:
    write(root, "take.mov")
    path = bytes(root / "take.mov")
    assert not is_open_for_writing(path)
    descriptor = os.open(path, flags)
    assert is_open_for_writing(path) == is_open
    assert is_open_for_writing(path) == is_open
    os.close(descriptor)
    assert not is_open_for_writing(path)


def test_what_is_no_readable_file_has_no_writer_and_holds_nothing_up(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "folder").mkdir()
    (root / "link").symlink_to("target.mov")
    write(root, "target.mov")
    with open(root / "target.mov", "ab"):
        assert [is_open_for_writing(bytes(root / name)) for name in ("fifo", "folder", "link", "none")] == [False] * 4


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_files_of_other_users_are_left_to_the_threshold(root: Path) -> None:
    write(root, "take.mov")
    os.chown(root / "take.mov", OTHER_USER, OTHER_USER)
    with open(root / "take.mov", "ab"):
        assert is_open_for_writing(bytes(root / "take.mov"))
        with without_root_powers():
            assert not is_open_for_writing(bytes(root / "take.mov"))


def preallocate(descriptor: int) -> None:
    os.posix_fallocate(descriptor, 0, 100_000)


def write_and_stall(descriptor: int) -> None:
    os.write(descriptor, b"the first half")


def write_through_memory(descriptor: int) -> None:
    os.ftruncate(descriptor, 4_096)
    with mmap.mmap(descriptor, 4_096) as memory:
        memory[:4] = b"moov"


@pytest.mark.parametrize("begin", [preallocate, write_and_stall, write_through_memory])
def test_a_file_that_is_still_written_is_not_finished_however_old_it_looks(
    pipeline: Pipeline, root: Path, begin: Callable[[int], None]
) -> None:
    pipeline.settle()
    descriptor = os.open(root / ".take.mov.a1B2c3", os.O_RDWR | os.O_CREAT)
    begin(descriptor)
    os.rename(root / ".take.mov.a1B2c3", root / "take.mov")
    os.utime(root / "take.mov", ns=(LONG_AGO, LONG_AGO))
    for name in ("first.mov", "second.mov"):
        write(root, name)
        pipeline.wait_for(lambda name=name: name[:-4] in pipeline.titles(), what="a finished file is there")
    assert pipeline.titles() == ["first", "second"]
    pipeline.wait_for(lambda: pipeline.status().growing == 1, what="one file is not finished")
    assert pipeline.status().storages[0].writer_check == "leases"
    assert "a process has it open for writing" in pipeline.explain("take.mov")
    os.close(descriptor)
    pipeline.settle()
    assert pipeline.titles() == ["first", "second", "take"]
    assert len(pipeline.history(pipeline.ids()["take"])) == 1
    assert pipeline.broken() == []


def test_a_temporary_name_that_stalls_and_vanishes_leaves_nothing(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    with open(root / "take.mov~upload", "wb", buffering=0) as upload:
        upload.write(b"half")
        os.utime(root / "take.mov~upload", ns=(LONG_AGO, LONG_AGO))
        write(root, "other.mov")
        pipeline.wait_for(lambda: pipeline.titles() == ["other"], what="a finished file is there")
        upload.write(b"and half")
        (root / "take.mov~upload").rename(root / "take.mov")
    pipeline.settle()
    assert pipeline.titles() == ["other", "take"]
    assert (pipeline.status().files, pipeline.status().missing) == (2, 0)
    assert pipeline.broken() == []
