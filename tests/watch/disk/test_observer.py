"""Events of the kernel become hints: one for a tree however large it is, and a rename into place is a close."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from watch.disk.observer import HintBuffer, Hints, RootObserver


@pytest.fixture
def box(root: Path) -> Iterator[HintBuffer]:
    """Filled by the events of `root`."""
    box = HintBuffer(threading.Event())
    observer = RootObserver(bytes(root), box)
    observer.start()
    yield box
    observer.stop()


def hints_until(box: HintBuffer, path: bytes) -> Hints:
    """All hints until one points at the file `path`."""
    found = Hints()

    def is_hinted() -> bool:
        hints = box.take()
        found.trees.update(hints.trees)
        found.closed.update(hints.closed)
        for folder, names in hints.files.items():
            found.files.setdefault(folder, set()).update(names)
        return path in found.closed

    wait_until(is_hinted, what=f"{path!r} is hinted")
    return found


def test_a_file_renamed_into_place_from_outside_counts_as_closed(box: HintBuffer, root: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mov").write_bytes(b"clip")
    (tmp_path / "clip.mov").rename(root / "clip.mov")
    assert hints_until(box, b"clip.mov").files == {b"": {b"clip.mov"}}


def test_a_tree_renamed_into_place_is_one_hint(box: HintBuffer, root: Path, tmp_path: Path) -> None:
    (tmp_path / "card" / "deep").mkdir(parents=True)
    for number in range(50):
        (tmp_path / "card" / "deep" / f"{number}.mov").write_bytes(b"clip")
    (tmp_path / "card").rename(root / "card")
    (root / "last.mov").write_bytes(b"clip")
    hints = hints_until(box, b"last.mov")
    assert hints.trees == {b"card"}
    assert hints.files == {b"": {b"last.mov"}}


def test_a_tree_renamed_inside_is_a_hint_at_both_its_places(box: HintBuffer, root: Path, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "clip.mov").write_bytes(b"clip")
    (tmp_path / "card").rename(root / "card")
    (root / "first.mov").write_bytes(b"clip")
    hints_until(box, b"first.mov")
    (root / "card").rename(root / "card 2")
    (root / "last.mov").write_bytes(b"clip")
    hints = hints_until(box, b"last.mov")
    assert hints.trees == {b"card", b"card 2"}
    assert hints.files == {b"": {b"last.mov"}}


def test_what_happens_in_a_tree_that_came_is_still_noticed(box: HintBuffer, root: Path, tmp_path: Path) -> None:
    (tmp_path / "card" / "deep").mkdir(parents=True)
    (tmp_path / "card").rename(root / "card")
    (root / "first.mov").write_bytes(b"clip")
    hints_until(box, b"first.mov")
    (root / "card" / "deep" / "late.mov").write_bytes(b"clip")
    assert b"card/deep/late.mov" in hints_until(box, b"card/deep/late.mov").closed
