"""Reading folders of a real disk: what is listed, what is left out, and what is never opened."""

import errno
import os
import random
import socket
import threading
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest

from grouping import IgnorePatterns
from tests.powers import without_root_powers
from tests.waiting import wait_until
from watch.disk.listing import (
    FileEntry,
    UnreadableFile,
    digest_of_listing,
    file_entry_of,
    is_absence,
    list_folder,
    rename_time_ns,
    stat_file,
    walk_tree,
)

NOTHING = IgnorePatterns()


def fill(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def walked(
    root: Path, starts: tuple[bytes, ...] = (b"",), ignore: IgnorePatterns = NOTHING, *excluded: bytes
) -> set[bytes]:
    """Every file that a walk comes to."""
    return {
        b"/".join(filter(None, (folder, entry.name)))
        for listings in walk_tree(bytes(root), starts, ignore, frozenset(excluded))
        for folder, listing in listings
        for entry in listing.files
    }


def test_regular_files_alone_are_listed_and_nothing_else_is_opened(tmp_path: Path) -> None:
    fill(tmp_path, "clip.mov", "sub/inner.mov")
    os.mkfifo(tmp_path / "pipe.mov")  # opening it would block forever: the FIFO has no writer
    os.symlink(tmp_path / "clip.mov", tmp_path / "link.mov")
    os.symlink(tmp_path / "sub", tmp_path / "linked_folder")
    os.symlink("nowhere", tmp_path / "broken.mov")
    os.symlink(tmp_path, tmp_path / "sub" / "circle")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.mov"))
        assert walked(tmp_path) == {b"clip.mov", b"sub/inner.mov"}
        for special in (b"pipe.mov", b"link.mov", b"broken.mov", b"s.mov", b"sub", b"linked_folder/inner.mov/x"):
            assert stat_file(bytes(tmp_path), special) is None


def test_junk_and_own_patterns_are_left_out_by_name_and_by_path(tmp_path: Path) -> None:
    fill(
        tmp_path, "a.mov", ".DS_Store", "a.mov.part", "@eaDir/a.jpg", "cache/b.mov", "day1/wip/c.mov", "day2/wip/d.mov"
    )
    fill(tmp_path, "day1/notes.bak")
    assert walked(tmp_path, (b"",), IgnorePatterns(["cache", "*.bak", "day1/wip"])) == {b"a.mov", b"day2/wip/d.mov"}


def test_a_walk_starts_where_it_is_told(tmp_path: Path) -> None:
    fill(tmp_path, "a.mov", "in/b.mov", "in/deep/c.mov", "out/d.mov")
    assert walked(tmp_path, (b"in", b"not there")) == {b"in/b.mov", b"in/deep/c.mov"}


def test_an_excluded_folder_is_never_entered(tmp_path: Path) -> None:
    fill(tmp_path, "a.mov", "own/data.mov", "own_too/b.mov")
    assert walked(tmp_path, (b"",), NOTHING, bytes(tmp_path / "own")) == {b"a.mov", b"own_too/b.mov"}


def test_a_walk_comes_in_slices_of_bounded_size(tmp_path: Path) -> None:
    for folder in range(1_203):
        (tmp_path / str(folder)).mkdir()
    slices = list(walk_tree(bytes(tmp_path), [b""], NOTHING, frozenset()))
    assert sum(map(len, slices)) == 1_204
    assert max(map(len, slices)) == 500


def test_a_folder_that_is_gone_is_none_and_one_that_cannot_be_read_has_its_reason(tmp_path: Path) -> None:
    assert list_folder(bytes(tmp_path), b"gone", NOTHING) is None
    fill(tmp_path, "file")
    assert list_folder(bytes(tmp_path), b"file", NOTHING) is None
    too_long = b"/".join([b"x" * 200] * 30)
    listing = list_folder(bytes(tmp_path), too_long, NOTHING)
    assert listing is not None
    assert (listing.files, listing.folders, listing.error) == ([], [], "File name too long")


def test_what_vanishes_while_a_folder_is_read_is_left_out(tmp_path: Path) -> None:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            for number in range(50):
                (tmp_path / f"{number}.tmpfile").touch()
            for number in range(50):
                (tmp_path / f"{number}.tmpfile").unlink()

    fill(tmp_path, "stays.mov")
    restless = threading.Thread(target=come_and_go)
    restless.start()
    try:
        for _ in range(200):
            assert b"stays.mov" in walked(tmp_path)
    finally:
        stop.set()
        restless.join()


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mov", b"two\nlines.mov", b" ", b"-rf", b"\xff\xfe\xfd", "é.mov".encode(), b"e\xcc\x81.mov"]
)
def test_a_name_is_its_bytes(tmp_path: Path, name: bytes) -> None:
    (Path(os.fsdecode(bytes(tmp_path) + b"/" + name))).write_text("x")
    entry = stat_file(bytes(tmp_path), name)
    assert entry is not None
    assert entry.name == name
    assert walked(tmp_path) == {name}


def test_a_digest_tells_any_change_and_no_order() -> None:
    files = [FileEntry(b"%d.exr" % number, number, 100 + number, 5, number, 1) for number in range(50)]
    digest = digest_of_listing(files)
    shuffled = random.Random(3).sample(files, len(files))
    assert digest_of_listing(shuffled) == digest
    for change in ({"name": b"x"}, {"size": 999}, {"mtime_ns": 999}, {"ctime_ns": 999}, {"inode": 999}):
        assert digest_of_listing([files[0]._replace(**change), *files[1:]]) != digest
    assert digest_of_listing(files[1:]) != digest
    assert digest_of_listing([]) != digest


CERTAIN = {errno.ENOENT, errno.ENOTDIR}
UNCERTAIN = {
    *(errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENOMEM, errno.EOVERFLOW, errno.ENOTCONN, errno.ENXIO, errno.EBADF),
}


@pytest.mark.parametrize("number", sorted(CERTAIN | UNCERTAIN), ids=errno.errorcode.get)
def test_two_errors_alone_say_that_a_file_is_gone(number: int) -> None:
    assert is_absence(OSError(number, os.strerror(number))) == (number in CERTAIN)


def test_a_path_that_cannot_be_followed_is_no_absence(tmp_path: Path) -> None:
    os.symlink("circle", tmp_path / "circle")
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir()
    fill(tmp_path, "closed/clip.mov")
    (tmp_path / "closed").chmod(0o600)
    root = bytes(tmp_path)
    with without_root_powers():
        assert stat_file(root, b"closed/clip.mov") == UnreadableFile(b"clip.mov", "Permission denied")
        assert list_folder(root, b"closed", NOTHING).error == "Permission denied"
    (tmp_path / "closed").chmod(0o700)
    assert stat_file(root, b"circle/x") == UnreadableFile(b"x", "Too many levels of symbolic links")
    assert stat_file(root, b"y" * 256) == UnreadableFile(b"y" * 256, "File name too long")
    assert stat_file(root, b"file/x") is None
    assert stat_file(root, b"gone/x") is None


LIMITS = [-(2**63) - 1, -(2**63), -1, 0, 1, 2**63 - 1, 2**63, 2**64 - 1]


@pytest.mark.parametrize("number", LIMITS)
def test_any_value_of_lstat_fits_the_database_and_inodes_stay_distinct(number: int) -> None:
    fields = {"st_size": number, "st_mtime_ns": number, "st_ctime_ns": number, "st_ino": number % 2**64}
    entry = file_entry_of(b"x", SimpleNamespace(**fields, st_dev=number % 2**64))  # type: ignore[arg-type]
    assert all(-(2**63) <= value < 2**63 for value in entry[1:])
    assert (entry.inode % 2**64, entry.device % 2**64) == (number % 2**64, number % 2**64)
    if -(2**63) <= number < 2**63:
        assert (entry.size, entry.mtime_ns, entry.ctime_ns) == (number, number, number)


def test_a_folder_renamed_into_place_is_told_from_one_made_there(tmp_path: Path) -> None:
    made = tmp_path / "made"
    fill(made, "a.mov")
    assert rename_time_ns(bytes(tmp_path), b"made") == 0
    entry = stat_file(bytes(tmp_path), b"made/a.mov")
    assert entry is not None

    def comes_later() -> bool:  # the kernel's times move in steps of some milliseconds
        made.rename(tmp_path / "moved")
        arrived = rename_time_ns(bytes(tmp_path), b"moved")
        (tmp_path / "moved").rename(made)
        return arrived > entry.ctime_ns

    wait_until(comes_later, what="a rename is later than the writing")
    assert rename_time_ns(bytes(tmp_path), b"gone") == 0


@pytest.mark.parametrize("start", [b"link", b"link/below", b"day/link", b"dangling"])
def test_a_walk_never_starts_behind_a_symbolic_link(tmp_path: Path, start: bytes) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (outside / "below").mkdir(parents=True)
    (outside / "below" / "secret.mov").touch()
    (root / "day").mkdir(parents=True)
    (root / "day" / "take.mov").touch()
    for link in ("link", "day/link", "dangling"):
        (root / link).symlink_to(outside if link != "dangling" else tmp_path / "nothing")
    found = dict(chain(*walk_tree(os.fsencode(root), [start, b"day"], IgnorePatterns(), frozenset())))
    assert [entry.name for entry in found.pop(b"day").files] == [b"take.mov"]
    assert "symbolic link" in (found.pop(start).error or "")
    assert found == {}
