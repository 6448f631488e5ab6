"""System status: counts of pending work, names of what needs a person, and idle only if everything is ingested."""

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.files import write
from tests.pipeline import Pipeline
from tests.waiting import wait_until


def execute(pipeline: Pipeline, statement: str) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text(statement))


def test_nothing_is_idle_before_its_first_scan(pipeline: Pipeline) -> None:
    assert pipeline.status().storages[0].is_scanning
    assert not pipeline.status().idle
    pipeline.settle()
    assert pipeline.status().idle


def test_nothing_is_idle_while_a_scan_that_was_asked_for_is_to_come(pipeline: Pipeline) -> None:
    pipeline.settle()
    execute(pipeline, "UPDATE storage SET scan_requested_at = now()")
    assert not pipeline.status().idle
    pipeline.wait_for(lambda: pipeline.storage().scan_requested_at is None, what="the watcher heard of it")
    pipeline.settle()
    assert pipeline.status().idle


@pytest.mark.parametrize(
    ("values", "is_idle"),
    [
        ("watcher_seen_at = now() - interval '14 s'", True),
        ("watcher_seen_at = now() - interval '16 s', watcher_host = 'ingest2'", False),
        ("watcher_seen_at = NULL, date_created = now() - interval '16 s'", False),
        ("watcher_seen_at = NULL, date_created = now() - interval '16 s', status = 'INACTIVE'", True),
        ("watcher_seen_at = NULL, date_created = now() - interval '16 s', purpose = 'PROXIES'", True),
    ],
)
def test_nothing_is_idle_without_a_watcher_and_status_says_so(pipeline: Pipeline, values: str, is_idle: bool) -> None:
    pipeline.settle()
    execute(pipeline, f"UPDATE storage SET {values}")
    status = pipeline.status()
    assert status.idle is is_idle
    assert ("no watcher was seen for 16 s" in status.storages[0].message) is not is_idle
    assert ("on ingest2" in status.storages[0].message) is ("ingest2" in values)
    assert bool(status.problems) is not is_idle


def test_every_file_on_its_way_keeps_the_system_busy(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    write(root, "a.pdf")
    watcher = pipeline.watch()
    seen: list[tuple[int, int, int]] = []

    def is_published() -> bool:
        watcher.step()
        status = pipeline.status()
        seen.append((status.growing, status.pending_islands, status.index_queue))
        return status.pending_islands == 1

    wait_until(is_published, what="the file is published")
    assert (1, 0, 0) in seen
    assert not pipeline.status().idle
    pipeline.ingest()
    status = pipeline.status()
    assert (status.pending_islands, status.index_queue, status.idle) == (0, 1, False)
    assert status.index_lag_seconds >= 0
    pipeline.broken()
    assert pipeline.status().idle


@pytest.mark.parametrize(
    ("trouble", "counted"),
    [
        ("UPDATE island SET parked_at = now(), error = 'x', dirty_since = now()", "parked"),
        ("UPDATE index_mark SET parked_at = now(), dirty_since = now()", "parked"),
        ("UPDATE file SET status = 'MISSING'", "missing"),
        ("UPDATE file SET status = 'OPEN', size = 0", "empty"),
        ("UPDATE file SET status = 'FAILED'", "failed"),
        ("UPDATE folder SET error = 'Permission denied'", "failed"),
        ("UPDATE island SET wait_until = now() + interval '1 hour'", "waiting_islands"),
        ("UPDATE file SET suspected_at = now()", "suspected"),
    ],
)
def test_trouble_is_counted_and_keeps_nobody_from_being_idle(
    pipeline: Pipeline, root: Path, trouble: str, counted: str
) -> None:
    write(root, "a.pdf")
    pipeline.settle()
    pipeline.broken()
    assert getattr(pipeline.status(), counted) == 0
    execute(pipeline, trouble)
    if counted != "parked":
        pipeline.broken()
    assert getattr(pipeline.status(), counted) == 1
    assert pipeline.status().idle


def test_numbers_are_whole_for_programs(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.pdf")
    pipeline.settle()
    said = pipeline.status().to_json()
    assert {key for key, value in said.items() if not isinstance(value, int)} == {
        "index_lag_seconds",
        "low_space",
        "problems",
        "storages",
    }
    assert isinstance(said["index_lag_seconds"], float)
