"""File stability rules as tables of values, and the tracker of unsettled files."""

import pytest

from watch.disk.listing import FileEntry
from watch.disk.settling import NANOSECONDS_PER_SECOND, Detection, SettlePolicy, UnsettledFiles, seconds_until_stable

NOW = 1_000_000 * NANOSECONDS_PER_SECOND
LOCAL = SettlePolicy(growing_seconds=5.0, close_seconds=1.0)
NETWORK = SettlePolicy(growing_seconds=5.0, close_seconds=1.0, is_local=False)
HASTY = SettlePolicy(growing_seconds=0.5, close_seconds=1.0)


def file_of(
    name: bytes = b"a.mov", size: int = 7, written_ago: float = 0.0, touched_ago: float | None = None
) -> FileEntry:
    """Build a file with mtime and ctime this many seconds ago; ctime defaults to mtime."""
    mtime = NOW - round(written_ago * NANOSECONDS_PER_SECOND)
    ctime = mtime if touched_ago is None else NOW - round(touched_ago * NANOSECONDS_PER_SECOND)
    return FileEntry(name, size, mtime, ctime, inode=1, device=1)


@pytest.mark.parametrize(
    ("what", "entry", "closed", "settle_policy", "seconds"),
    [
        ("written this moment", file_of(), False, LOCAL, 5.0),
        ("written two seconds ago", file_of(written_ago=2), False, LOCAL, 3.0),
        ("an old archive waits for nothing", file_of(written_ago=3600), False, LOCAL, 0.0),
        ("a close shortens the wait", file_of(), True, LOCAL, 1.0),
        ("closed a moment after the last write", file_of(written_ago=0.4), True, LOCAL, 0.6),
        ("renamed into place: the ctime alone moved", file_of(written_ago=3600, touched_ago=0), False, LOCAL, 1.0),
        ("a copy that set the times of its source", file_of(written_ago=9e4, touched_ago=0.2), False, LOCAL, 0.8),
        ("a close never lengthens a short threshold", file_of(), True, HASTY, 0.5),
        ("a time in the future counts as now", file_of(written_ago=-3600), False, LOCAL, 5.0),
        ("another host's times prove nothing", file_of(written_ago=3600), False, NETWORK, 5.0),
        ("on a network a close is still a close", file_of(), True, NETWORK, 1.0),
    ],
)
def test_the_wait_depends_on_how_long_it_stood_still(what, entry, closed, settle_policy, seconds) -> None:  # type: ignore[no-untyped-def]
    assert seconds_until_stable(entry, NOW, closed, settle_policy) == pytest.approx(seconds), what


def due_names(book: UnsettledFiles, now: float) -> list[tuple[bytes, list[bytes]]]:
    return [(folder, sorted(file.entry.name for file in ready)) for folder, ready in book.due(now)]


def test_a_file_is_handed_out_when_due_and_not_before() -> None:
    book = UnsettledFiles()
    book.watch(b"rushes", file_of(b"a.mov"), due=10.0)
    book.watch(b"rushes", file_of(b"b.mov"), due=12.0)
    assert due_names(book, 9.9) == []
    assert due_names(book, 10.0) == [(b"rushes", [b"a.mov"])]
    assert due_names(book, 12.5) == [(b"rushes", [b"a.mov", b"b.mov"])]


def test_folders_come_in_the_order_of_their_dues() -> None:
    book = UnsettledFiles()
    book.watch(b"late", file_of(), due=2.0)
    book.watch(b"early", file_of(), due=1.0)
    assert [folder for folder, _ in book.due(3.0)] == [b"early", b"late"]


def test_the_earlier_due_stays_where_nothing_was_written() -> None:
    book = UnsettledFiles()
    book.watch(b"", file_of(), due=5.0)
    book.watch(b"", file_of(), due=1.0)
    book.watch(b"", file_of(), due=9.0)
    assert len(book) == 1
    assert book.next_due() == 1.0
    assert due_names(book, 1.0) == [(b"", [b"a.mov"])]


def test_a_write_starts_the_wait_again_and_is_remembered_as_growth() -> None:
    book = UnsettledFiles()
    book.watch(b"", file_of(size=1), due=1.0)
    book.watch(b"", file_of(size=2), due=6.0)
    assert due_names(book, 1.0) == []
    waiting = book.get(b"", b"a.mov")
    assert waiting is not None
    assert (waiting.due, waiting.grew, waiting.entry.size) == (6.0, True, 2)
    assert due_names(book, 6.0) == [(b"", [b"a.mov"])]


def test_the_first_sighting_stays_however_long_a_file_grows() -> None:
    book = UnsettledFiles()
    book.watch(b"", file_of(size=1), due=1.0, detection=Detection(0.5, "event"))
    book.watch(b"", file_of(size=2), due=6.0, detection=Detection(5.0, "listing"))
    book.watch(b"", file_of(size=2), due=6.0, grew=True)
    assert book.get(b"", b"a.mov").first == Detection(0.5, "event")
    book.forget(b"", b"a.mov")
    book.watch(b"", file_of(size=3), due=9.0, detection=Detection(8.0, "listing"))
    assert book.get(b"", b"a.mov").first == Detection(8.0, "listing")


def test_a_forgotten_file_is_never_handed_out() -> None:
    book = UnsettledFiles()
    book.watch(b"", file_of(b"a.mov"), due=1.0)
    book.watch(b"", file_of(b"b.mov"), due=1.0)
    book.forget(b"", b"a.mov")
    book.forget(b"", b"never seen")
    book.forget(b"nowhere", b"a.mov")
    assert len(book) == 1
    assert due_names(book, 1.0) == [(b"", [b"b.mov"])]


def test_a_book_cut_short_keeps_the_rest_due() -> None:
    book = UnsettledFiles()
    for folder in (b"a", b"b", b"c"):
        book.watch(folder, file_of(), due=1.0)
    for folder, ready in book.due(1.0):
        for file in ready:
            book.forget(folder, file.entry.name)
        break
    assert len(book) == 2
    assert sorted(folder for folder, _ in book.due(1.0)) == [b"b", b"c"]


def test_a_file_watched_anew_while_its_folder_is_handed_out_comes_again_later() -> None:
    book = UnsettledFiles()
    book.watch(b"", file_of(size=1), due=1.0)
    for folder, ready in book.due(1.0):
        for _ in ready:
            book.watch(folder, file_of(size=2), due=4.0, grew=True)
    assert book.next_due() == 4.0
    assert due_names(book, 3.9) == []
    assert due_names(book, 4.0) == [(b"", [b"a.mov"])]


def test_nothing_is_due_in_an_empty_book() -> None:
    book = UnsettledFiles()
    assert (len(book), book.next_due(), due_names(book, 1e9)) == (0, None, [])
