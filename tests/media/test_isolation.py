"""Sandboxed readers can only read a file and answer; any other action ends only the reader itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.confinement import Limits
from media.isolation import ChildNotStartedError, ConfinedChild
from media.reading import PACKET_FILES, End, Item, Outcome, Reader
from media.sources import ChangedError, OpenFolders, Source
from tests.media.misbehaving import ABOUT_OTHERS
from tests.waiting import wait_until

LIMITS = Limits(wall_seconds=1.0, cpu_seconds=1, memory_bytes=256 << 20)
PATIENT = Limits(wall_seconds=30.0, cpu_seconds=1, memory_bytes=256 << 20)


def source(path: Path) -> Source:
    status = path.stat()
    return Source(os.fsencode(path.parent), os.fsencode(path.name), status.st_size, status.st_mtime_ns)


@pytest.fixture
def file(tmp_path: Path) -> Source:
    path = tmp_path / "clip.mov"
    path.write_text("hello")
    return source(path)


@pytest.fixture
def child() -> Iterator[ConfinedChild]:
    with ConfinedChild("tests.media.misbehaving", PATIENT) as child:
        yield child


def read(child: ConfinedChild, *items: Item) -> dict[object, Outcome]:
    return {outcome.item.key: outcome for outcome in Reader(child).read(items)}


def test_a_child_reads_what_it_is_handed_and_knows_nothing_of_ours(child: ConfinedChild, file: Source) -> None:
    result = read(child, Item(1, [file]))[1].result
    assert result["read"] == "hello"
    assert set(result["environment"]) <= {"PYTHONPATH", "LANG", "LC_CTYPE"}


@pytest.mark.parametrize("deed", ["write", "connect", "start", "remove", "fork", "chmod", *ABOUT_OTHERS])
def test_a_child_can_open_start_remove_and_reach_nothing(child: ConfinedChild, file: Source, deed: str) -> None:
    outcome = read(child, Item(1, [file], {"deed": deed}))[1]
    assert (outcome.end, "not permitted" in outcome.reason) == (End.ERROR, True), outcome


@pytest.mark.parametrize(
    ("deed", "limits", "end", "reason"),
    [
        ("hang", LIMITS, End.DIED, "clip.mov: its reader took longer than 1 s and was ended"),
        ("crash", PATIENT, End.DIED, "clip.mov: its reader crashed (SIGSEGV)"),
        ("abort", PATIENT, End.DIED, "clip.mov: its reader crashed (SIGABRT)"),
        ("burn", PATIENT, End.DIED, "clip.mov: its reader used more than 1 s of processor time and was ended"),
        ("eat", PATIENT, End.LIMIT, "clip.mov: needs more memory than a file may take"),
        ("talk", PATIENT, End.DIED, "clip.mov: its reader answered with more than 32 MB and was ended"),
    ],
)
def test_what_ends_its_reader_is_named_and_its_neighbours_are_read(
    file: Source, deed: str, limits: Limits, end: End, reason: str
) -> None:
    with ConfinedChild("tests.media.misbehaving", limits) as child:
        items = [Item(1, [file]), Item(2, [file], {"deed": deed}), *(Item(key, [file]) for key in range(3, 120))]
        outcomes = read(child, *items)
    assert (outcomes[2].end, outcomes[2].reason) == (end, reason)
    assert {key for key, outcome in outcomes.items() if outcome.end is not End.READ} == {2}
    assert len(outcomes) == 119


def test_a_child_may_have_threads(child: ConfinedChild, file: Source) -> None:
    assert read(child, Item(1, [file], {"deed": "share"}))[1].result == {"came": "here here here here"}


@pytest.mark.parametrize("count", [1, PACKET_FILES, PACKET_FILES + 12])
def test_a_child_that_dies_when_all_is_answered_is_the_fault_of_no_file(
    child: ConfinedChild, file: Source, count: int
) -> None:
    last = min(count, PACKET_FILES) - 1
    outcomes = read(child, *(Item(key, [file], {"leaves": key == last}) for key in range(count)))
    assert (len(outcomes), {outcome.end for outcome in outcomes.values()}) == (count, {End.READ})


def test_a_child_that_is_killed_between_files_is_replaced(child: ConfinedChild, file: Source) -> None:
    assert read(child, Item(1, [file]))[1].end is End.READ
    os.kill(child.pid, signal.SIGKILL)
    outcomes = [read(child, Item(1, [file]))[1] for _ in range(2)]
    assert outcomes[-1].end is End.READ


def test_a_child_that_is_closed_is_gone(child: ConfinedChild, file: Source) -> None:
    read(child, Item(1, [file]))
    pid = child.pid
    child.close()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the child is gone")


def test_a_program_that_does_not_start_is_no_fault_of_a_file(file: Source) -> None:
    with ConfinedChild("media.no_such_program", PATIENT) as child, pytest.raises(ChildNotStartedError):
        read(child, Item(1, [file]))


def test_no_open_file_is_left_behind(file: Source) -> None:
    before = os.listdir("/proc/self/fd")
    with ConfinedChild("tests.media.misbehaving", PATIENT) as child:
        read(child, *(Item(key, [file], {"deed": "crash"} if key % 20 == 0 else {}) for key in range(100)))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def open_one(source: Source) -> None:
    with OpenFolders() as folders:
        os.close(folders.open_source(source))


def test_a_fifo_that_stands_in_a_files_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mov")
    with pytest.raises(ChangedError, match="no regular file any more"):
        open_one(Source(os.fsencode(tmp_path), b"clip.mov", 5, 1))


def test_no_link_is_followed_on_the_way_nor_at_its_end(tmp_path: Path, file: Source) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "clip.mov").write_text("hello")
    status = (elsewhere / "clip.mov").stat()
    (tmp_path / "link.mov").symlink_to(elsewhere / "clip.mov")
    (tmp_path / "folder").symlink_to(elsewhere)
    for path in (b"link.mov", b"folder/clip.mov"):
        with pytest.raises(ChangedError, match="cannot be opened"):
            open_one(Source(os.fsencode(tmp_path), path, status.st_size, status.st_mtime_ns))


@pytest.mark.parametrize("change", ["grow", "replace", "delete"])
def test_a_file_that_changed_since_it_was_seen_is_left_to_the_watcher(
    tmp_path: Path, file: Source, change: str
) -> None:
    path = tmp_path / "clip.mov"
    if change == "grow":
        path.write_text("hello, again")
    elif change == "replace":
        (tmp_path / "other").write_text("HELLO")
        (tmp_path / "other").rename(path)
    else:
        path.unlink()
    with pytest.raises(ChangedError):
        open_one(file)
