"""A row follows its file through renames, links and reused inodes; new content is seen by more than its times."""

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from models.catalog.file import File, FileStatus, Folder
from models.queues.media_queue import MediaWork
from tests.files import write
from tests.pipeline import Pipeline
from watch.disk.clock import Clock
from watch.rows.content_digests import DIGEST_END_BYTES

FRAMES = [f"plate.{number}.exr" for number in range(1001, 1006)]
REWRITTEN = "MODIFY_FILESET: take.mov: 1 file rewritten."


def put_time_back(path: Path, before: os.stat_result) -> None:
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def is_listed(pipeline: Pipeline, entry: str) -> Callable[[], bool]:
    return lambda: entry in pipeline.history(pipeline.ids()["take"])


def finish_media(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.query(MediaWork).delete()


def waiting_media(pipeline: Pipeline) -> int:
    with pipeline.sessions() as session:
        return session.scalar(select(func.count()).select_from(MediaWork))


def replace_by_rename(path: Path, content: bytes) -> None:
    """As exiftool and most editors save: a file beside it, renamed over it."""
    other = path.with_name("saved.tmp")
    other.write_bytes(content)
    put_time_back(other, path.stat())
    other.rename(path)


def rewrite_in_place(path: Path, content: bytes) -> None:
    before = path.stat()
    path.write_bytes(content)
    put_time_back(path, before)


@pytest.mark.parametrize("write_again", [replace_by_rename, rewrite_in_place])
@pytest.mark.parametrize("length", [9, 3 * DIGEST_END_BYTES], ids=["short", "long"])
def test_new_content_of_the_old_size_and_time_is_seen_and_told(
    pipeline: Pipeline, root: Path, write_again: Callable[[Path, bytes], None], length: int
) -> None:
    (root / "take.mov").write_bytes(b"x" * length)
    pipeline.wait_until_quiet()
    finish_media(pipeline)
    before, ids = (root / "take.mov").stat(), pipeline.ids()
    write_again(root / "take.mov", b"x" * (length - 1) + b"y")
    after = (root / "take.mov").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    pipeline.settle()
    pipeline.wait_for(is_listed(pipeline, REWRITTEN), what="history tells the new content")
    assert (waiting_media(pipeline), pipeline.ids()) == (1, ids)
    assert pipeline.file("take.mov").ctime_ns == after.st_ctime_ns
    assert pipeline.broken() == []


def test_changed_attributes_are_no_new_content(pipeline: Pipeline, root: Path) -> None:
    names = ["take.mov", *FRAMES]
    write(root, *names)
    pipeline.wait_until_quiet()
    finish_media(pipeline)
    history = {title: pipeline.history(asset) for title, asset in pipeline.ids().items()}
    seen = {name: pipeline.file(name).content_seen for name in names}
    (root.parent / "links").mkdir()
    for name in names:
        path, before = root / name, (root / name).stat()
        path.chmod(stat.S_IMODE(before.st_mode) ^ stat.S_IWGRP)
        os.chown(path, before.st_uid, before.st_gid)
        os.link(path, root.parent / "links" / name)
        put_time_back(path, before)
        path.rename(root / "away")
        (root / "away").rename(path)
    pipeline.settle()
    assert {name: pipeline.file(name).ctime_ns for name in names} == {
        name: (root / name).stat().st_ctime_ns for name in names
    }
    assert {name: pipeline.file(name).content_seen for name in names} == seen
    assert {title: pipeline.history(asset) for title, asset in pipeline.ids().items()} == history
    assert waiting_media(pipeline) == 0
    # Nothing has read the headers here, which `finish_media` took out of the queue.
    assert [finding for finding in pipeline.broken() if not finding.endswith("its header was not read")] == []


def test_a_change_in_the_middle_with_the_time_put_back_is_left_to_checksums(pipeline: Pipeline, root: Path) -> None:
    content = bytearray(b"x" * 4 * DIGEST_END_BYTES)
    (root / "take.mov").write_bytes(content)
    pipeline.settle()
    content[2 * DIGEST_END_BYTES] = 0
    rewrite_in_place(root / "take.mov", bytes(content))
    pipeline.settle()
    assert pipeline.file("take.mov").ctime_ns == (root / "take.mov").stat().st_ctime_ns
    assert len(pipeline.history(pipeline.ids()["take"])) == 1


def test_an_archive_of_an_earlier_version_is_taken_over_without_being_read_again(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "take.mov")
    pipeline.wait_until_quiet()
    finish_media(pipeline)
    with pipeline.sessions.begin() as session:
        session.execute(update(File).values(ctime_ns=None, digest=None))
        session.execute(update(Folder).values(digest=None))
    pipeline.watch()
    pipeline.settle()
    row = pipeline.file("take.mov")
    assert (row.ctime_ns, row.digest is None) == ((root / "take.mov").stat().st_ctime_ns, False)
    assert (waiting_media(pipeline), len(pipeline.history(pipeline.ids()["take"]))) == (0, 1)


@pytest.mark.parametrize("names", [["a.mov"], [f"a.{number}.exr" for number in range(1, 5)]], ids=["clip", "sequence"])
def test_the_last_of_two_links_keeps_its_own_asset_under_another_name(
    pipeline: Pipeline, root: Path, names: list[str]
) -> None:
    write(root, *names)
    pipeline.settle()
    for name in names:
        os.link(root / name, root / name.replace("a.", "b."))
    pipeline.settle()
    ids = pipeline.ids()
    for name in names:
        (root / name).unlink()
    pipeline.settle()
    for name in names:
        (root / name.replace("a.", "b.")).rename(root / name.replace("a.", "c."))
    pipeline.settle()
    assert pipeline.titles() == ["c"]
    after = pipeline.ids()
    assert after.pop("c") == ids["b"]
    # Its frames may have left one by one, and then it has the name of the last one.
    assert list(after.values()) == [ids["a"]]
    assert {pipeline.status_of(name) for name in names} == {FileStatus.MISSING}
    assert pipeline.broken() == []


def test_links_that_move_to_another_folder_keep_their_names(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/a.mov")
    os.link(root / "day1/a.mov", root / "day1/b.mov")
    pipeline.settle()
    rows = {name: pipeline.file(f"day1/{name}").id for name in ("a.mov", "b.mov")}
    (root / "day2").mkdir()
    for name in ("b.mov", "a.mov"):
        (root / "day1" / name).rename(root / "day2" / name)
    pipeline.settle()
    assert {name: pipeline.file(f"day2/{name}").id for name in ("a.mov", "b.mov")} == rows


def test_a_file_with_the_inode_size_and_time_of_a_deleted_one_is_another(pipeline: Pipeline, root: Path) -> None:
    """File systems give the inode of a deleted file to the next one; coarse times agree by chance."""
    time_ns = 1_700_000_000 * 10**9
    write(root, "old.mov", content="old content")
    os.utime(root / "old.mov", ns=(time_ns, time_ns))
    pipeline.settle()
    old = pipeline.file("old.mov")
    (root / "old.mov").unlink()
    pipeline.settle()
    write(root, "new.mov", content="new content")
    os.utime(root / "new.mov", ns=(time_ns, time_ns))
    with pipeline.sessions.begin() as session:
        session.merge(old).inode = (root / "new.mov").stat().st_ino
    pipeline.settle()
    assert pipeline.file("new.mov").id != old.id
    assert pipeline.status_of("old.mov") is FileStatus.MISSING


ROLLS = ["roll.mov", "roll_old.mov"]


def rename_then_write(root: Path) -> None:
    (root / "roll.mov").rename(root / "roll_old.mov")
    write(root, "roll.mov", content="the next roll")


def write_beside_then_rename(root: Path) -> None:
    write(root, "next.mov", content="the next roll")
    (root / "roll.mov").rename(root / "roll_old.mov")
    (root / "next.mov").rename(root / "roll.mov")


def rename_to_another_folder(root: Path) -> None:
    """Which a walk comes to after the old folder."""
    (root / "0").mkdir()
    (root / "roll.mov").rename(root / "0" / "roll.mov")
    write(root, "roll.mov", content="the next roll")


@pytest.mark.parametrize("while_watched", [True, False], ids=["by events", "by a walk"])
@pytest.mark.parametrize("change", [rename_then_write, write_beside_then_rename, rename_to_another_folder])
def test_a_renamed_file_keeps_its_asset_when_another_gets_its_name(
    pipeline: Pipeline, root: Path, change: Callable[[Path], None], while_watched: bool
) -> None:
    write(root, "roll.mov", content="the first roll")
    pipeline.settle()
    first = pipeline.file("roll.mov").id
    (asset,) = pipeline.ids().values()
    if not while_watched:
        pipeline.watcher.close()
    change(root)
    if not while_watched:
        pipeline.watch()
    pipeline.settle()
    renamed = "roll_old.mov" if (root / "roll_old.mov").exists() else "0/roll.mov"
    assert pipeline.file(renamed).id == first
    assert pipeline.show(str(asset))["formats"][0]["file_sets"][0]["name"] == Path(renamed).name
    assert pipeline.file("roll.mov").id != first
    assert pipeline.status().assets == 2
    assert pipeline.broken() == []


def test_a_renamed_file_keeps_its_asset_while_the_next_one_is_still_written(pipeline: Pipeline, root: Path) -> None:
    write(root, "roll.mov", content="the first roll")
    pipeline.settle()
    first = pipeline.file("roll.mov").id
    (root / "roll.mov").rename(root / "roll_old.mov")
    with open(root / "roll.mov", "wb", buffering=0) as roll:

        def is_growing() -> bool:
            roll.write(b"more")
            pipeline.step()
            return pipeline.status_of("roll.mov") is FileStatus.GROWING

        pipeline.wait_for(is_growing, what="the next roll grows")
        assert pipeline.file("roll_old.mov").id == first
    pipeline.settle()
    assert pipeline.titles() == ["roll", "roll_old"]
    assert pipeline.broken() == []


def test_files_renamed_in_a_chain_keep_their_assets(pipeline: Pipeline, root: Path) -> None:
    for name in ("a.mov", "b.mov", "c.mov"):
        write(root, name, content=f"content of {name}")
    pipeline.settle()
    ids = {name: pipeline.file(f"{name}.mov").id for name in "abc"}
    for old, new in (("c", "d"), ("b", "c"), ("a", "b")):
        (root / f"{old}.mov").rename(root / f"{new}.mov")
    write(root, "a.mov", content="the newest")
    pipeline.settle()
    assert [pipeline.file(f"{name}.mov").id for name in "bcd"] == [ids["a"], ids["b"], ids["c"]]
    assert pipeline.file("a.mov").id not in ids.values()
    assert pipeline.broken() == []


def test_attributes_of_many_files_cost_no_full_read(pipeline: Pipeline, root: Path) -> None:
    for number in range(20):
        (root / f"clip{number}.mov").write_bytes(os.urandom(1024) * 4096)
    pipeline.settle()
    for path in root.iterdir():
        path.chmod(0o600)
    before = read_bytes()
    pipeline.settle()
    assert read_bytes() - before < 20 * 4 * DIGEST_END_BYTES + 10 * 2**20  # of 80 MB; the rest is what settling reads


def read_bytes() -> int:
    """Bytes that this process read so far, from any file."""
    (line,) = (line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("rchar"))
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("seconds", "is_exact"), [(10_413_792_000, False), (253_402_300_799, False), (-62_135_596_800, None), (-1, True)]
)
def test_any_time_of_a_file_is_recorded_and_holds_up_no_other(
    pipeline: Pipeline, root: Path, seconds: int, is_exact: bool | None
) -> None:
    pipeline.clock = Clock(wall_ns=time.time_ns)
    write(root, "odd.mov", *(f"neighbour{number}.mov" for number in range(3)))
    os.utime(root / "odd.mov", ns=(0, seconds * 10**9))
    pipeline.settle()
    assert pipeline.titles() == ["neighbour0", "neighbour1", "neighbour2", "odd"]
    there = (root / "odd.mov").stat().st_mtime_ns  # a file system may hold less than was asked for
    if is_exact is not None:
        assert (pipeline.file("odd.mov").mtime_ns == there) == (abs(there) < 2**63)
    assert ("cannot be recorded" in pipeline.explain("odd.mov")) == (abs(there) >= 2**63)
    assert pipeline.broken() == []
    (root / "odd.mov").write_text("ODD.mov")
    os.utime(root / "odd.mov", ns=(0, seconds * 10**9))
    pipeline.settle()
    told = "MODIFY_FILESET: odd.mov: 1 file rewritten."
    pipeline.wait_for(lambda: told in pipeline.history(pipeline.ids()["odd"]), what="the change shows by ctime")


def test_shutil_move_over_a_file_keeps_the_name(pipeline: Pipeline, root: Path) -> None:
    write(root, "final.mov", content="first version")
    pipeline.settle()
    ids = pipeline.ids()
    write(root.parent, "better.mov", content="other version")
    shutil.move(root.parent / "better.mov", root / "final.mov")
    pipeline.settle()
    assert pipeline.ids() == ids
