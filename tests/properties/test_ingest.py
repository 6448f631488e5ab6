"""For every order and chunking of arrivals, changes and departures, what is stored is the grouping of what is there."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from grouping import Profile, group_tree
from grouping.render import tree_to_json
from models.catalog.storage import Storage
from models.core.sessions import Sessions, make_sessions
from tests.engines import open_engine
from tests.files import write
from tests.pipeline import FAST, SETTINGS, Pipeline, first_path
from tests.properties.examples import examples
from watch.disk.clock import Clock

NAMES = [
    *("fish_L.mov", "fish_R.mov", "fish.en.srt"),
    *(f"plate.{number}.exr" for number in (998, 1000, 1001, 1002)),
    *("plate.0999.exr", "plate.mp4", "plate.wav"),
    *("take_V1.mov", "take_A1.wav", "take_A2.wav"),
    *("reel.mov", "reel_h264.mp4", "proxies/reel.mp4", "reel.en.srt", "Subs/reel.de.srt", "reel.xmp"),
    *("kitchen_camA.mov", "kitchen_camB.mov", "kitchen_camB.en.srt"),
    *("left/eye.1.exr", "left/eye.2.exr", "right/eye.1.exr", "right/eye.2.exr"),
    *("M4ROOT/CLIP/C0001.MP4", "M4ROOT/CLIP/C0001M01.XML", "M4ROOT/SUB/C0001S03.MP4"),
    *("dcp/ASSETMAP", "dcp/PKL.xml", "dcp/CPL.xml", "dcp/reel1/picture.mxf", "dcp/reel1/sound.mxf"),
    "notes.txt",
]
PARTNERS = [
    *("talk_A1.wav", "talk_V2.0001.exr", "talk_V2.0002.exr", "talk_V3.0001.exr", "talk_V3.0002.exr"),
    *("take_camA.mov", "take_camB.mov", "a.mov"),
]
"""Of which most were assets alone before they were one with others."""
LONE = [
    *("fish_L.mov", "fish_R.mov", "fish.en.srt", "fish_L.de.srt", "fish.mov", "fish_proxy.mp4", "fish.wav"),
    *("fish_A1.wav", "fish_V1.mov", "fish_camA.mov", "fish_camB.mov", "fish.xmp", "fish.mov.md5", "fish_h264.en.srt"),
    *("fish.en.mov", "fish_h264.mp4", "IMG_0001.HEIC", "IMG_0001.MOV", "IMG_0001.JPG", "IMG_0001.DNG", "notes.txt"),
]
"""No frames: of such folders only what a change concerns is read."""
PLACES = ("day1/p", "day2/p", "day1/q")
FRAMES = [f"{place}.{number}.exr" for place in PLACES for number in range(1, 8)]
"""That go, some at a time, from one sequence into another of the same folder or of the next."""
PROFILE = {"orphan_after_seconds": 0}
TABLES = "storage, folder, island, asset, index_mark, search_document"
"""With all that hangs on them; history stays, it refuses to be emptied and hangs on nothing."""

MISCOUNTED = text("""
    SELECT file_set.name, file_count, files, size_bytes, bytes FROM file_set LEFT JOIN (
        SELECT file_set_id, count(*) AS files, sum(file.size) AS bytes FROM file_set_file
        JOIN file ON file.id = file_id AND file.status <> 'MISSING' GROUP BY file_set_id
    ) AS counted ON file_set_id = file_set.id
    WHERE (file_count, size_bytes) IS DISTINCT FROM (coalesce(files, 0), coalesce(bytes, 0))
""")

ASTRAY = text("""
    WITH had AS (
        SELECT DISTINCT ON (asset.id) asset.id, asset.merged_into, history.details -> 'was' AS was FROM asset
        JOIN history ON history.asset_id = asset.id AND jsonb_exists(history.details, 'was')
        WHERE merged_into IS NOT NULL ORDER BY asset.id, history.id DESC
    ), files AS (
        SELECT had.id, merged_into, file.status, file_set.asset_id FROM had,
            jsonb_path_query(was, '$.formats[*].file_sets[*].files[*]') AS had_file
        LEFT JOIN file ON file.id = (had_file #>> '{}')::uuid
        LEFT JOIN file_set_file AS member ON member.file_id = file.id
        LEFT JOIN file_set ON file_set.id = member.file_set_id
    )
    SELECT id, merged_into, max(asset_id::text) FROM files GROUP BY id, merged_into
    HAVING count(DISTINCT asset_id) = 1 AND max(asset_id::text) <> merged_into::text
        AND 2 * count(*) FILTER (WHERE status <> 'MISSING') >= count(*)
""")
"""Ids that ended, but answer with another asset than the one that all their files are in."""


class Leaping:
    """Time for the watcher: every look at it is a minute later, so that nothing has to be waited for."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> Clock:
        return Clock(wall_ns=lambda: time.time_ns() + round(self.seconds * 1e9), monotonic=self._tick)

    def _tick(self) -> float:
        return time.monotonic() + self.seconds

    def leap(self) -> None:
        self.seconds += 60


class Folder(RuleBasedStateMachine):
    """A watched folder and what people do to it; now and then everything settles and is compared."""

    def __init__(self, sessions: Sessions, root: Path, names: list[str]) -> None:
        super().__init__()
        self.names = names
        self.root = root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        self.time = Leaping()
        self.pipeline = Pipeline(root, sessions, FAST, clock=self.time.clock())
        with self.pipeline.sessions.begin() as session:
            session.execute(text(f"TRUNCATE {TABLES} CASCADE"))
            session.add(Storage(name="Rushes", root=bytes(root), settings=SETTINGS, profile=PROFILE))
        self.pipeline.watch()
        self.published: set[str] = set()
        self.used: set[str] = set()
        """Names that had content at any time: what is empty there now may have been published in between."""
        self.written = 0
        if names is FRAMES:
            self._write(*(name for name in names if name.startswith(PLACES[0])))
            self.settle_and_compare()

    def teardown(self) -> None:
        try:
            self.settle_and_compare()
            assert self.pipeline.broken() == []
        finally:
            self.pipeline.watcher.close()

    def there(self) -> list[str]:
        return [name for name in self.names if (self.root / name).exists()]

    def _write(self, *names: str) -> None:
        self.written += 1
        self.used.update(names)
        write(self.root, *names, content=f"content {self.written}" + "." * (self.written % 7))

    def _left(self, name: str, goes_to: str) -> None:
        """A file that goes takes its row along: what comes to its old name is a new file there."""
        if goes_to != name:
            self.published.discard(name)

    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        self._write(*data.draw(st.sets(st.sampled_from(self.names), min_size=1, max_size=6)))

    @precondition(lambda self: self.there())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        for name in data.draw(st.sets(st.sampled_from(self.there()), min_size=1, max_size=4)):
            (self.root / name).unlink()

    @precondition(lambda self: self.there())
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        before = self.root / data.draw(st.sampled_from(self.there()))
        name = data.draw(st.sampled_from(self.names))
        if before.stat().st_size:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            before.rename(self.root / name)
            self.used.add(name)
            self._left(before.relative_to(self.root).as_posix(), name)

    @precondition(lambda self: self.names is FRAMES and self.there())
    @rule(data=st.data(), most=st.integers(1, 7), is_copy=st.booleans(), settles=st.booleans())
    def move_frames(self, data: st.DataObject, most: int, is_copy: bool, settles: bool) -> None:
        """As `mv` does within a file system, and between two, where every frame gets another inode."""
        came_from, goes_to = data.draw(st.permutations(PLACES))[:2]
        full = [name for name in self.there() if name.startswith(came_from) and (self.root / name).stat().st_size]
        for name in full[:most]:
            target = self.root / name.replace(came_from, goes_to)
            target.parent.mkdir(exist_ok=True)
            if is_copy:
                shutil.copy2(self.root / name, target)
                (self.root / name).unlink()
            else:
                (self.root / name).rename(target)
            self.used.add(name.replace(came_from, goes_to))
            self._left(name, name.replace(came_from, goes_to))
        if settles:
            self.settle_and_compare()

    @precondition(lambda self: self.published & set(self.there()))
    @rule(data=st.data())
    def empty(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.published & set(self.there()))))
        write(self.root, name, content="")

    @rule(data=st.data())
    def touch_empty(self, data: st.DataObject) -> None:
        """A new file of zero bytes waits, and is in nothing."""
        name = data.draw(st.sampled_from(self.names))
        if name not in self.used and not (self.root / name).exists():
            write(self.root, name, content="")

    @rule(data=st.data())
    def change_one_and_settle(self, data: st.DataObject) -> None:
        """One file comes or goes, and is grouped before the next."""
        name = data.draw(st.sampled_from(self.names))
        if (self.root / name).exists():
            (self.root / name).unlink()
        else:
            self._write(name)
        self.settle_and_compare()

    @rule(times=st.integers(1, 3))
    def look(self, times: int) -> None:
        """Run the watcher for a few rounds without grouping."""
        for _ in range(times):
            self.time.leap()
            self.pipeline.watcher.step()

    @rule()
    def group(self) -> None:
        """What is dirty is grouped, and the watcher is elsewhere."""
        self.pipeline.ingest()

    @rule()
    def restart(self) -> None:
        self.pipeline.watch()

    @rule()
    def settle_and_compare(self) -> None:
        self.settle()
        there = [name for name in self.there() if (self.root / name).stat().st_size or name in self.published]
        tree = group_tree([name.encode() for name in there], Profile.model_validate(PROFILE))
        assert self.pipeline.assets() == sorted(tree_to_json(tree)["assets"], key=first_path)
        with self.pipeline.sessions() as session:
            assert session.execute(MISCOUNTED).all() == []
            assert session.execute(ASTRAY).all() == []
        self.published.update(there)

    def settle(self) -> None:
        """Walk, look and group until the rows say what the disk says."""
        self.pipeline.watcher.scan_now()
        for _ in range(50):
            self.time.leap()
            with self.pipeline.sessions.begin() as session:
                session.execute(text("UPDATE file SET suspected_at = suspected_at - interval '1 hour'"))
                session.execute(text("UPDATE island SET handed_until = NULL, wait_until = NULL"))
            if self.pipeline.is_settled():
                return
        pytest.fail("the pipeline does not come to rest")


def machine(sessions: Sessions, root: Path, names: list[str]) -> Callable[[], Any]:
    return lambda: Folder(sessions, root, names)


@pytest.mark.timeout(600)  # beside other work the longest case takes minutes
@pytest.mark.early  # the longest file: at the end it would run alone, on one core
@pytest.mark.parametrize(
    ("names", "drawn"),
    [(NAMES, 10), (PARTNERS, 7), (FRAMES, 10), (LONE, 6)],
    ids=["of all kinds", "that part again", "that go over", "without frames"],
)
def test_what_is_stored_is_the_grouping_of_what_is_there(
    database_url: str, tmp_path: Path, names: list[str], drawn: int
) -> None:
    with open_engine(database_url) as engine:
        run_state_machine_as_test(
            machine(make_sessions(engine), tmp_path / "rushes", names),
            settings=settings(
                max_examples=examples(drawn),
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
