"""A file that moves to another folder and vanishes there leaves its asset offline, whichever folder is grouped when."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.file import File, FileStatus, Folder
from models.core.paths import display_path
from models.queues.island import Island
from services.grouping.manual import merge_manually, move_manually
from services.ingest.quiet import announce_quiet_sets, has_quiet_sets
from services.ingest.run import ingest_islands
from services.ingest_effects import INGEST_EFFECTS
from tests.files import write
from tests.pipeline import FAST, Pipeline
from tests.services.outbound.test_webhook_events import pop_file_set_events
from tests.services.outbound.test_webhooks import hook, target
from tests.waiting import wait_until

GROUPED: list[tuple[list[str], list[str]]] = [
    ([], ["day1", "day2"]),
    ([], ["day2", "day1"]),
    (["day1"], ["day2"]),
    (["day2"], []),
]
"""Folders that are grouped one by one before the file vanishes, and after."""

__all__ = ["target"]

EDITOR = Actor("Ines the editor", is_admin=True)


def watch_until(pipeline: Pipeline, path: str, status: FileStatus) -> None:
    """Let the watcher alone work, without any ingest."""
    watcher = pipeline.watcher or pipeline.watch()

    def has_status() -> bool:
        watcher.step()
        return pipeline.status_of(path) is status

    watcher.scan_now()
    wait_until(has_status, what=f"{path} is {status.value}")


def ingest(pipeline: Pipeline, folder: str) -> None:
    """Group one folder alone."""
    with pipeline.sessions() as session:
        rows = session.execute(select(Island.id, Folder.name).join(Folder, Folder.id == Island.folder_id))
        ids = [row.id for row in rows if display_path(row.name) == folder]
    assert len(ids) == 1
    ingest_islands(pipeline.sessions, ids, pipeline.timing, pipeline.notify, INGEST_EFFECTS)


def is_online(pipeline: Pipeline, asset_id: uuid.UUID) -> bool:
    with pipeline.sessions() as session:
        return session.get_one(Asset, asset_id).is_online


@pytest.mark.parametrize(("before", "after"), GROUPED)
@pytest.mark.parametrize("merged", [False, True], ids=["by rule", "by hand"])
def test_a_file_that_vanishes_where_it_moved_to_is_counted_nowhere(
    pipeline: Pipeline, root: Path, merged: bool, before: list[str], after: list[str]
) -> None:
    write(root, "day1/take.mov", "day1/wide.mov", "day2/other.mov")
    pipeline.wait_until_quiet()
    ids = pipeline.ids()
    if merged:
        with pipeline.sessions.begin() as session:
            merge_manually(session, ids["take"], [ids["wide"]], EDITOR)
        pipeline.wait_until_quiet()
        (root / "day1/wide.mov").unlink()
        pipeline.wait_until_quiet()
    (root / "day1/take.mov").rename(root / "day2/take.mov")
    watch_until(pipeline, "day2/take.mov", FileStatus.CLOSED)
    for folder in before:
        ingest(pipeline, folder)
    (root / "day2/take.mov").unlink()
    watch_until(pipeline, "day2/take.mov", FileStatus.MISSING)
    for folder in after:
        ingest(pipeline, folder)
    pipeline.wait_until_quiet()
    assert pipeline.broken() == []
    assert not is_online(pipeline, ids["take"])
    assert any("take.mov" in entry and "missing" in entry for entry in pipeline.history(ids["take"]))


@pytest.mark.parametrize("order", [("day1/take.mov", "day2/other.mov"), ("day2/other.mov", "day1/take.mov")])
def test_files_of_two_folders_in_one_asset_are_counted_until_they_vanish(
    pipeline: Pipeline, root: Path, order: tuple[str, ...]
) -> None:
    write(root, "day1/take.mov", "day2/other.mov")
    pipeline.wait_until_quiet()
    ids = pipeline.ids()
    with pipeline.sessions.begin() as session:
        merge_manually(session, ids["take"], [ids["other"]], EDITOR)
    pipeline.wait_until_quiet()
    for left, path in zip((True, False), order, strict=True):
        (root / path).unlink()
        pipeline.wait_until_quiet()
        assert pipeline.broken() == []
        assert is_online(pipeline, ids["take"]) is left


def test_a_change_beside_an_asset_of_two_folders_counts_its_files_as_before(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/take.mov", "day2/other.mov")
    pipeline.wait_until_quiet()
    with pipeline.sessions.begin() as session:
        take = session.scalars(select(File.id).where(File.name == b"take.mov")).one()
        move_manually(session, [take], pipeline.ids()["other"], EDITOR)
    pipeline.wait_until_quiet()
    write(root, "day1/new.mov", "day2/beside.mov")
    watch_until(pipeline, "day1/new.mov", FileStatus.CLOSED)
    watch_until(pipeline, "day2/beside.mov", FileStatus.CLOSED)
    pipeline.wait_until_quiet()
    assert pipeline.broken() == []


def announce(pipeline: Pipeline) -> int:
    with pipeline.sessions.begin() as session:
        is_due = has_quiet_sets(session, FAST)
        announced = announce_quiet_sets(session, FAST)
    assert is_due == (announced > 0)
    return announced


def test_a_render_grows_and_goes_quiet_and_loses_and_finds_frames(pipeline: Pipeline, root: Path, target: Any) -> None:
    hook(pipeline.sessions, target, "file_sets")
    write(root, *(f"shot/beauty.{frame}.exr" for frame in (1001, 1002, 1003)))
    pipeline.settle()
    # The frames may come in two batches.
    assert {event for _, event, _ in pop_file_set_events(pipeline)} <= {"grown"}
    pipeline.wait_for(lambda: announce(pipeline) == 1, what="nothing came for a while")
    assert pop_file_set_events(pipeline) == [
        ("entity", "quiet", {"file_count": 3, "frames": "1001-1003", "missing_frames": 0})
    ]
    assert announce(pipeline) == 0
    write(root, *(f"shot/beauty.{frame}.exr" for frame in (1004, 1006)))
    pipeline.settle()
    grown = {"file_count": 5, "frames": "1001-1004,1006", "missing_frames": 1}
    assert pop_file_set_events(pipeline) == [("entity", "grown", grown)]
    pipeline.wait_for(lambda: announce(pipeline) == 1, what="nothing came for a while again")
    assert pop_file_set_events(pipeline) == [("entity", "quiet", grown)]
    (root / "shot/beauty.1006.exr").rename(root.parent / "aside")
    pipeline.settle()
    assert pop_file_set_events(pipeline) == [
        ("entity", "missing", {"file_count": 4, "frames": "1001-1004", "missing_frames": 0})
    ]
    (root.parent / "aside").rename(root / "shot/beauty.1006.exr")
    pipeline.settle()
    assert ("entity", "found", grown) in pop_file_set_events(pipeline)
