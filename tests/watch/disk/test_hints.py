"""Hints name paths to check; no event is lost, and paths that are checked anyway are not recorded twice."""

import threading

import pytest

from watch.disk.observer import HintBuffer


@pytest.fixture
def wake() -> threading.Event:
    return threading.Event()


@pytest.fixture
def box(wake: threading.Event) -> HintBuffer:
    return HintBuffer(wake)


def test_an_empty_box_says_so_and_wakes_nobody(box: HintBuffer, wake: threading.Event) -> None:
    assert not box.take()
    assert not wake.is_set()


@pytest.mark.parametrize(
    "happens", [lambda box: box.file(b"a/b.mov"), lambda box: box.tree(b"a"), lambda box: box.everything()]
)
def test_every_hint_wakes_the_watcher(box: HintBuffer, wake: threading.Event, happens) -> None:  # type: ignore[no-untyped-def]
    happens(box)
    assert wake.is_set()
    assert box.take()
    assert not box.take()


def test_files_are_noted_by_folder_and_once(box: HintBuffer) -> None:
    for path in (b"a/x.mov", b"a/y.mov", b"a/x.mov", b"z.mov"):
        box.file(path)
    hints = box.take()
    assert hints.files == {b"a": {b"x.mov", b"y.mov"}, b"": {b"z.mov"}}
    assert hints.closed == set()


def test_a_close_is_remembered_even_inside_a_tree_that_is_looked_at_anyway(box: HintBuffer) -> None:
    box.tree(b"a")
    box.file(b"a/made.mov")
    box.file(b"a/closed.mov", closed=True)
    hints = box.take()
    assert hints.trees == {b"a"}
    assert hints.files == {b"a": {b"closed.mov"}}
    assert hints.closed == {b"a/closed.mov"}


def test_lost_events_are_said_until_taken(box: HintBuffer) -> None:
    box.everything()
    assert box.take().everything
    assert not box.take().everything


def test_no_hint_is_lost_between_threads(box: HintBuffer) -> None:
    found: set[bytes] = set()

    def fill(number: int) -> None:
        for each in range(2_000):
            box.file(b"%d/%d" % (number, each))

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found |= {b"%s/%s" % (folder, name) for folder, names in box.take().files.items() for name in names}
    found |= {b"%s/%s" % (folder, name) for folder, names in box.take().files.items() for name in names}
    assert len(found) == 8_000
