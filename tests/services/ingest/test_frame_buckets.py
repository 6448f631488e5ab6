"""Frame buckets: stored ranges plus the frames that came and went, and how they are written back."""

from pathlib import Path

import pytest
from sqlalchemy import select

from grouping import Frames
from models.catalog.file import Folder
from services.ingest.frame_buckets import FrameBucketState, read_frame_buckets, write_frame_buckets
from tests.files import write
from tests.pipeline import Pipeline

KEY = b"plate.\0.exr"


def bucket(**runs: str) -> FrameBucketState:
    """Return a stored bucket; `w4="1-10"` are frames of width 4."""
    parsed = {int(name[1:]): Frames.from_text(frames) for name, frames in runs.items()}
    return FrameBucketState(1, b"shots", KEY, parsed, is_new=False)


def runs_of(state: FrameBucketState) -> dict[int, str]:
    return {padding: frames.to_text() for padding, frames in state.runs.items()}


Noted = list[tuple[int, int, bool]]

SETTLED: dict[str, tuple[FrameBucketState, Noted, dict[int, str], bool]] = {
    "nothing noted": (bucket(w4="1-10"), [], {4: "1-10"}, False),
    "a frame that is known already": (bucket(w4="1-10"), [(4, 5, True)], {4: "1-10"}, False),
    "a frame at the end": (bucket(w4="1-10"), [(4, 11, True)], {4: "1-11"}, True),
    "frames in any order": (bucket(w4="1-2"), [(4, 9, True), (4, 4, True), (4, 3, True)], {4: "1-4,9"}, True),
    "a frame that left": (bucket(w4="1-10"), [(4, 5, False)], {4: "1-4,6-10"}, True),
    "a frame that left and was never known": (bucket(w4="1-10"), [(4, 11, False)], {4: "1-10"}, False),
    "the last frame": (bucket(w4="1"), [(4, 1, False)], {}, True),
    "another width": (bucket(w4="1-10"), [(0, 10001, True)], {0: "10001", 4: "1-10"}, True),
    "a width that left whole": (bucket(w0="1", w4="1-10"), [(0, 1, False)], {4: "1-10"}, True),
    "a width that left before it was known": (bucket(w4="1"), [(5, 1, False)], {4: "1"}, False),
    "the same number in another width": (bucket(w4="1"), [(4, 1, False), (5, 1, True)], {5: "1"}, True),
    "negative frames": (bucket(), [(4, -2, True), (4, -1, True), (4, 0, True)], {4: "-2-0"}, True),
}


@pytest.mark.parametrize("name", SETTLED)
def test_noted_frames_are_applied_to_the_ranges(name: str) -> None:
    state, noted, expected, is_changed = SETTLED[name]
    for padding, frame, is_present in noted:
        state.note(padding, frame, is_present)
    state.settle()
    assert (runs_of(state), list(state.runs), state.is_changed) == (expected, sorted(expected), is_changed)
    assert state.count == sum(frames.count for frames in state.runs.values())
    state.settle()
    assert runs_of(state) == expected, "frames are applied once"


def test_a_bucket_that_has_to_be_rebuilt_stays_changed() -> None:
    state = bucket(w4="1")
    state.is_changed = True
    state.settle()
    assert state.is_changed


def test_a_bucket_is_given_to_the_grouping_as_ranges() -> None:
    item = bucket(w0="7", w4="1-10").to_item()
    assert (item.folder, item.key, item.count) == (b"shots", KEY, 11)


def test_changed_buckets_are_stored_and_empty_ones_deleted(pipeline: Pipeline, root: Path) -> None:
    write(root, "shots/a.mov")
    pipeline.settle()
    unchanged, changed, emptied, never_stored = (b"a\0", b"\xff\0.exr", b"c\0", b"d\0")
    with pipeline.sessions.begin() as session:
        folder = session.scalars(select(Folder.id).where(Folder.name == b"shots")).one()
        new = {key: FrameBucketState(folder, b"shots", key, {4: Frames([1])}) for key in (unchanged, changed, emptied)}
        new[changed].is_changed = new[emptied].is_changed = True
        write_frame_buckets(session, new.values())
        stored = read_frame_buckets(session, {folder: b"shots"})
        assert {key: runs_of(state) for (_, key), state in stored.items()} == {changed: {4: "1"}, emptied: {4: "1"}}
        assert not any(state.is_new or state.is_changed for state in stored.values())
        stored[folder, changed].note(0, -10001, is_present=True)
        stored[folder, emptied].note(4, 1, is_present=False)
        stored[folder, never_stored] = FrameBucketState(folder, b"shots", never_stored, {}, is_changed=True)
        for state in stored.values():
            state.settle()
        write_frame_buckets(session, stored.values())
        stored = read_frame_buckets(session, {folder: b"shots"})
        assert {key: runs_of(state) for (_, key), state in stored.items()} == {changed: {0: "-10001", 4: "1"}}
        assert read_frame_buckets(session, {}) == {}
