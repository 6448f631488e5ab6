"""Frame buckets: stored as ranges, updated with the changed files, and written back by the finish.

A sequence of 100,000 published frames is one item to the grouping; only frames that arrived, changed or left since the
last finish are read as rows.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import Frames, NumberedBucket

FrameRuns = dict[int, Frames]
EMPTY_FRAME_RUN = Frames()

SELECT_FRAME_BUCKETS = text("SELECT folder_id, key, runs FROM frame_bucket WHERE folder_id = ANY(:folders)")

# Ordered by key, so that concurrent finishes lock rows in the same order.
UPSERT_FRAME_BUCKETS = text("""
    INSERT INTO frame_bucket (folder_id, key, runs)
    SELECT * FROM unnest(CAST(:folders AS bigint[]), CAST(:keys AS bytea[]), CAST(:runs AS jsonb[])) AS t (f, k, r)
    ORDER BY f, k
    ON CONFLICT (folder_id, key) DO UPDATE SET runs = excluded.runs
""")

DELETE_FRAME_BUCKETS = text("""
    DELETE FROM frame_bucket USING unnest(CAST(:folders AS bigint[]), CAST(:keys AS bytea[])) AS t (f, k)
    WHERE folder_id = f AND key = k
""")


@dataclass(slots=True)
class FrameBucketState:
    """State of one bucket: the stored ranges, and the changes by the files that were read."""

    folder_id: int
    folder: bytes
    key: bytes
    runs: FrameRuns
    is_new: bool = True
    is_changed: bool = False
    came: dict[int, list[int]] = field(default_factory=dict)
    went: dict[int, list[int]] = field(default_factory=dict)

    def note(self, padding: int, frame: int, is_present: bool) -> None:
        """Record the presence of one frame; `settle` applies it to the ranges."""
        (self.came if is_present else self.went).setdefault(padding, []).append(frame)

    def settle(self) -> None:
        """Apply the recorded frames to the ranges."""
        before = dict(self.runs)
        for padding, frames in self.came.items():
            known = self.runs.get(padding, EMPTY_FRAME_RUN)
            self.runs[padding] = known.add(frames) if known else Frames(frames)
        for padding, frames in self.went.items():
            if padding in self.runs:
                self.runs[padding] = self.runs[padding].remove(frames)
        self.runs = {padding: frames for padding, frames in sorted(self.runs.items()) if frames}
        self.came, self.went = {}, {}
        self.is_changed = self.is_changed or self.runs != before

    @property
    def count(self) -> int:
        """Number of frames."""
        return sum(frames.count for frames in self.runs.values())

    def to_item(self) -> NumberedBucket:
        """Convert to the input of the pure function."""
        return NumberedBucket(self.folder, self.key, tuple(self.runs.items()))


def read_frame_buckets(session: Session, folders: dict[int, bytes]) -> dict[tuple[int, bytes], FrameBucketState]:
    """Read the stored buckets of folders (path by id), by folder id and key."""
    found = {}
    for folder_id, key, runs in session.execute(SELECT_FRAME_BUCKETS, {"folders": list(folders)}):
        parsed = {int(padding): Frames.from_text(frames) for padding, frames in runs.items()}
        found[folder_id, bytes(key)] = FrameBucketState(
            folder_id, folders[folder_id], bytes(key), dict(sorted(parsed.items())), is_new=False
        )
    return found


def write_frame_buckets(session: Session, buckets: Iterable[FrameBucketState]) -> None:
    """Store changed buckets; delete empty ones."""
    changed = [bucket for bucket in buckets if bucket.is_changed]
    kept = [bucket for bucket in changed if bucket.runs]
    gone = [bucket for bucket in changed if not bucket.runs and not bucket.is_new]
    if kept:
        runs = [{str(padding): frames.to_text() for padding, frames in bucket.runs.items()} for bucket in kept]
        session.execute(UPSERT_FRAME_BUCKETS, _bucket_columns(kept) | {"runs": [json.dumps(each) for each in runs]})
    if gone:
        session.execute(DELETE_FRAME_BUCKETS, _bucket_columns(gone))


def _bucket_columns(buckets: list[FrameBucketState]) -> dict[str, list[Any]]:
    return {"folders": [bucket.folder_id for bucket in buckets], "keys": [bucket.key for bucket in buckets]}
