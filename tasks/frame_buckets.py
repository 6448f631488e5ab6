"""Frame buckets between two finishes: read as ranges, changed by the files that are new, written back by the finish.

A sequence of 100,000 published frames is one item to the grouping; only frames that came, changed or went since the
last finish are read as rows.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from watch.grouping import Bucket, Frames

Runs = dict[int, Frames]
NO_FRAMES = Frames()

READ = text("SELECT folder_id, key, runs FROM frame_bucket WHERE folder_id = ANY(:folders)")

WRITE = text("""
    INSERT INTO frame_bucket (folder_id, key, runs)
    SELECT * FROM unnest(CAST(:folders AS bigint[]), CAST(:keys AS bytea[]), CAST(:runs AS jsonb[])) AS t (f, k, r)
    ORDER BY f, k
    ON CONFLICT (folder_id, key) DO UPDATE SET runs = excluded.runs
""")

DELETE = text("""
    DELETE FROM frame_bucket USING unnest(CAST(:folders AS bigint[]), CAST(:keys AS bytea[])) AS t (f, k)
    WHERE folder_id = f AND key = k
""")


@dataclass(slots=True)
class FrameBucketState:
    """One bucket: what is stored, and what the files that were read make of it."""

    folder_id: int
    folder: bytes
    key: bytes
    runs: Runs
    is_new: bool = True
    is_changed: bool = False
    came: dict[int, list[int]] = field(default_factory=dict)
    went: dict[int, list[int]] = field(default_factory=dict)

    def note(self, padding: int, frame: int, is_present: bool) -> None:
        """Take in what a file row says of one frame; `settle` makes ranges of it."""
        (self.came if is_present else self.went).setdefault(padding, []).append(frame)

    def settle(self) -> None:
        """Apply what was noted."""
        before = dict(self.runs)
        for padding, frames in self.came.items():
            known = self.runs.get(padding, NO_FRAMES)
            self.runs[padding] = known.add(frames) if known else Frames(frames)
        for padding, frames in self.went.items():
            if padding in self.runs:
                self.runs[padding] = self.runs[padding].remove(frames)
        self.runs = {padding: frames for padding, frames in sorted(self.runs.items()) if frames}
        self.came, self.went = {}, {}
        self.is_changed = self.is_changed or self.runs != before

    @property
    def count(self) -> int:
        """How many frames are there."""
        return sum(frames.count for frames in self.runs.values())

    def to_item(self) -> Bucket:
        """The bucket as the pure function takes it."""
        return Bucket(self.folder, self.key, tuple(self.runs.items()))


def read_buckets(session: Session, folders: dict[int, bytes]) -> dict[tuple[int, bytes], FrameBucketState]:
    """The stored buckets of folders, given as id to path."""
    found = {}
    for folder_id, key, runs in session.execute(READ, {"folders": list(folders)}):
        parsed = {int(padding): Frames.from_text(frames) for padding, frames in runs.items()}
        found[folder_id, bytes(key)] = FrameBucketState(
            folder_id, folders[folder_id], bytes(key), dict(sorted(parsed.items())), is_new=False
        )
    return found


def write_buckets(session: Session, buckets: Iterable[FrameBucketState]) -> None:
    """Store the changed ones; an empty bucket is taken away."""
    changed = [bucket for bucket in buckets if bucket.is_changed]
    kept = [bucket for bucket in changed if bucket.runs]
    gone = [bucket for bucket in changed if not bucket.runs and not bucket.is_new]
    if kept:
        runs = [{str(padding): frames.to_text() for padding, frames in bucket.runs.items()} for bucket in kept]
        session.execute(WRITE, _columns(kept) | {"runs": [json.dumps(each) for each in runs]})
    if gone:
        session.execute(DELETE, _columns(gone))


def _columns(buckets: list[FrameBucketState]) -> dict[str, list]:
    return {"folders": [bucket.folder_id for bucket in buckets], "keys": [bucket.key for bucket in buckets]}
