"""What differs between a listing and its rows, as a table: each file by itself, and each name only once."""

import uuid

import pytest

from models.catalog.file import FileStatus
from watch.disk.listing import FileEntry
from watch.rows.compare import FolderDifference, KnownFile, compare_folder

ID = uuid.UUID(int=7)


def on_disk(name: bytes = b"a.mov", size: int = 5, mtime_ns: int = 100, inode: int = 1) -> FileEntry:
    return FileEntry(name, size, mtime_ns, mtime_ns, inode, 1)


def known(
    status: FileStatus = FileStatus.CLOSED, size: int = 5, suspected: bool = False, name: bytes = b"a.mov"
) -> KnownFile:
    return KnownFile(ID, 1, name, size, 100, 1, 1, status, suspected, 1)


def summary(difference: FolderDifference) -> dict[str, int]:
    found = {field: len(getattr(difference, field)) for field in ("unsettled", "cleared", "relinked", "vanished")}
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
        ("another inode with the same content", [on_disk(inode=2)], [known()], {"relinked": 1}),
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


def test_a_row_without_any_difference_asks_for_nothing() -> None:
    names = [b"%03d.exr" % number for number in range(300)]
    entries = [on_disk(name) for name in names]
    assert summary(compare_folder(entries, [known(name=name) for name in reversed(names)])) == {}
