"""What differs between a listing and its rows, as a table: each file by itself, and each name only once."""

import uuid

import pytest

from models.catalog.file import FileStatus
from watch.disk.listing import FileEntry, UnreadableFile
from watch.rows.known_files import FolderDifference, KnownFile, compare_folder, is_touched

ID = uuid.UUID(int=7)


def on_disk(
    name: bytes = b"a.mov", size: int = 5, mtime_ns: int = 100, inode: int = 1, ctime_ns: int = 100, device: int = 1
) -> FileEntry:
    return FileEntry(name, size, mtime_ns, ctime_ns, inode, device)


def known(
    status: FileStatus = FileStatus.CLOSED,
    size: int = 5,
    suspected: bool = False,
    name: bytes = b"a.mov",
    ctime_ns: int | None = 100,
    error: str | None = None,
) -> KnownFile:
    return KnownFile(ID, 1, name, size, 100, 1, 1, status, suspected, 1, ctime_ns, error)


def summary(difference: FolderDifference) -> dict[str, int]:
    fields = ("unsettled", "cleared", "relinked", "vanished", "unreadable")
    found = {field: len(getattr(difference, field)) for field in fields}
    return {field: count for field, count in found.items() if count}


@pytest.mark.parametrize(
    ("what", "entries", "rows", "differs"),
    [
        ("nothing and nothing", [], [], {}),
        ("a settled file", [on_disk()], [known()], {}),
        ("a returned file that settled", [on_disk()], [known(FileStatus.REDISCOVERED)], {}),
        ("a new file", [on_disk()], [], {"unsettled": 1}),
        ("a longer file", [on_disk(size=6)], [known()], {"unsettled": 1}),
        ("the same size written anew", [on_disk(mtime_ns=101)], [known()], {"unsettled": 1}),
        ("another inode of the same ctime, as after a mount", [on_disk(inode=2)], [known()], {"relinked": 1}),
        ("another device of the same ctime, as after a boot", [on_disk(device=2)], [known()], {"relinked": 1}),
        ("another inode and ctime", [on_disk(inode=2, ctime_ns=101)], [known()], {"unsettled": 1}),
        ("another ctime", [on_disk(ctime_ns=101)], [known()], {"unsettled": 1}),
        ("an earlier ctime", [on_disk(ctime_ns=99)], [known()], {"unsettled": 1}),
        ("a ctime that was never recorded", [on_disk()], [known(ctime_ns=None)], {"relinked": 1}),
        ("a file that could not be read", [on_disk()], [known(error="why")], {"unsettled": 1}),
        ("a file that was never recorded as it is", [on_disk()], [known(FileStatus.FAILED, error="why")],
         {"unsettled": 1}),
        ("another inode with other content", [on_disk(inode=2, size=6)], [known()], {"unsettled": 1}),
        ("a file that was growing", [on_disk()], [known(FileStatus.GROWING)], {"unsettled": 1}),
        ("a file that was missing", [on_disk()], [known(FileStatus.MISSING)], {"unsettled": 1}),
        ("a file that was given up", [on_disk()], [known(FileStatus.DELETED)], {"unsettled": 1}),
        ("an empty file that waits", [on_disk(size=0)], [known(FileStatus.OPEN, size=0)], {}),
        ("an empty file that got content", [on_disk()], [known(FileStatus.OPEN, size=0)], {"unsettled": 1}),
        ("a settled file that was emptied", [on_disk(size=0)], [known()], {"unsettled": 1}),
        ("a file that is gone", [], [known()], {"vanished": 1}),
        ("a growing file that is gone", [], [known(FileStatus.GROWING)], {"vanished": 1}),
        ("a suspect that is still gone", [], [known(suspected=True)], {}),
        ("a suspect that is there", [on_disk()], [known(suspected=True)], {"cleared": 1}),
        ("a suspect that grew", [on_disk(size=6)], [known(suspected=True)], {"cleared": 1, "unsettled": 1}),
        ("a missing file that stays away", [], [known(FileStatus.MISSING)], {}),
        ("a file under another name", [on_disk(b"b.mov")], [known()], {"unsettled": 1, "vanished": 1}),
        ("names that differ in their bytes alone", [on_disk(b"\xc3\xa9")], [known(name=b"e\xcc\x81")],
         {"unsettled": 1, "vanished": 1}),
    ],
)  # fmt: skip
def test_each_file_differs_by_itself(what, entries, rows, differs) -> None:  # type: ignore[no-untyped-def]
    assert summary(compare_folder(entries, rows)) == differs, what


@pytest.mark.parametrize(
    ("what", "rows", "differs"),
    [
        ("a new file", [], {"unreadable": 1}),
        ("a known file", [known()], {"unreadable": 1}),
        ("a suspected file", [known(suspected=True)], {"unreadable": 1}),
        ("a missing file", [known(FileStatus.MISSING)], {"unreadable": 1}),
        ("one file of two", [known(), known(name=b"b.mov")], {"unreadable": 1, "vanished": 1}),
    ],
)
def test_a_file_that_cannot_be_looked_at_is_neither_there_nor_gone(what, rows, differs) -> None:  # type: ignore[no-untyped-def]
    hidden = [UnreadableFile(b"a.mov", "Input/output error")]
    assert summary(compare_folder([], rows, hidden)) == differs, what


@pytest.mark.parametrize(
    ("what", "entry", "row", "touched"),
    [
        ("nothing differs", on_disk(), known(), False),
        ("ctime alone", on_disk(ctime_ns=101), known(), True),
        ("inode alone", on_disk(inode=2), known(), True),
        ("size too", on_disk(size=6, ctime_ns=101), known(), False),
        ("mtime too", on_disk(mtime_ns=101, ctime_ns=101), known(), False),
        ("a missing file is back", on_disk(ctime_ns=101), known(FileStatus.MISSING), True),
        ("a file that was growing", on_disk(ctime_ns=101), known(FileStatus.GROWING), False),
    ],
)
def test_only_a_file_of_the_same_size_and_time_needs_a_closer_look(what, entry, row, touched) -> None:  # type: ignore[no-untyped-def]
    assert is_touched(entry, row) == touched, what


def test_a_row_without_any_difference_asks_for_nothing() -> None:
    names = [b"%03d.exr" % number for number in range(300)]
    entries = [on_disk(name) for name in names]
    assert summary(compare_folder(entries, [known(name=name) for name in reversed(names)])) == {}
