"""Requested scans: of a path, at once, also on a storage that is not scanned automatically."""

import time
from pathlib import Path

from sqlalchemy import select

from models.catalog.file import File
from models.queues.scan_request import ScanRequest
from tests.files import write
from tests.pipeline import Pipeline
from watch.disk.clock import Clock


def ask(pipeline: Pipeline, path: bytes, is_finished: bool = True) -> None:
    storage = pipeline.storage()
    with pipeline.sessions.begin() as session:
        session.add(ScanRequest(storage_id=storage.id, path=path, is_finished=is_finished))


def no_request_left(pipeline: Pipeline) -> bool:
    with pipeline.sessions() as session:
        return session.query(ScanRequest).count() == 0


def test_a_file_and_a_folder_are_taken_in_from_a_storage_that_nobody_scans(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(scan=False)
    (root / "a.mov").write_bytes(b"a")
    (root / "day").mkdir()
    (root / "day" / "b.mov").write_bytes(b"b")
    (root / "unasked.mov").write_bytes(b"c")
    ask(pipeline, b"a.mov")
    ask(pipeline, b"day")
    pipeline.wait_for(lambda: pipeline.titles() == ["a", "b"], "what was asked for is in")
    assert pipeline.file("unasked.mov") is None
    assert no_request_left(pipeline)


def test_a_path_that_leads_through_a_link_is_not_followed(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    pipeline.change_settings(scan=False)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.mov").write_bytes(b"s")
    (root / "link").symlink_to(outside)
    (root / "a.mov").write_bytes(b"a")
    ask(pipeline, b"link")
    ask(pipeline, b"link/secret.mov")
    ask(pipeline, b"a.mov")
    pipeline.wait_for(lambda: pipeline.titles() == ["a"], "the file is in")
    assert pipeline.file("link/secret.mov") is None


def test_a_look_in_the_middle_of_a_walk_makes_nobody_doubt_what_the_walk_saw_before(
    pipeline: Pipeline, root: Path
) -> None:
    hours = 0
    pipeline.clock = Clock(monotonic=lambda: time.monotonic() + 3600 * hours)
    write(root, "day1/a.mov")
    pipeline.settle()
    pipeline.watcher.scan_now()
    assert pipeline.watcher.step(), "a walk is under way"
    write(root, "day2/b.mov")
    ask(pipeline, b"day2")
    hours = 1
    while not pipeline.watcher.is_at_rest:
        pipeline.watcher.step()
        with pipeline.sessions() as session:
            assert session.scalars(select(File.name).where(File.suspected_at.is_not(None))).all() == []
    assert no_request_left(pipeline)
    assert pipeline.file("day2/b.mov") is not None
