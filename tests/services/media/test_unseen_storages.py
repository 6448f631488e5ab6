"""Workers take work only for storages that they see, and leave the rest, without delay, to workers that do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from models.core.mounts import configure_mounts
from models.core.sessions import transact
from models.queues.media_queue import MediaKind
from services.media.drain import reread_jobs
from services.media.jobs import create_reread_job
from services.media.probe import PROBE_READING
from services.sidecars.verification import CHECKSUM_TASK, checksum_jobs, create_checksum_job
from tests.pipeline import Pipeline
from tests.services.media_clips import put
from tests.services.media_steps import ADMIN, media_of, read
from tests.services.transcode_steps import Studio

IS_DUE = text("SELECT bool_and(not_before <= now() AND lease_until IS NULL AND attempt = 0) FROM media_work")


@contextmanager
def without_its_mount(root: Path, place: Path, media: Path) -> Iterator[None]:
    """As on a machine that has only an empty mount point."""
    place.mkdir()
    configure_mounts({os.fsencode(root): os.fsencode(place)}, media)
    try:
        yield
    finally:
        configure_mounts({}, media)


def is_due(pipeline: Pipeline) -> bool:
    with pipeline.sessions() as session:
        return bool(session.scalar(IS_DUE))


def test_headers_wait_undelayed_for_a_worker_that_sees_their_storage(
    pipeline: Pipeline, root: Path, tmp_path: Path
) -> None:
    put(root, "a.mp4", "b.mp4")
    pipeline.settle()
    with without_its_mount(root, tmp_path / "empty", tmp_path / "made"):
        assert read(pipeline).read == 0
        assert is_due(pipeline)
    assert read(pipeline).read == 2
    assert media_of(pipeline)["codec"] == "h264"


def test_a_mount_that_is_lost_during_a_batch_delays_nothing(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    put(root, "a.mp4", "b.mp4")
    pipeline.settle()
    # Seen at the claim, by a file that is there; empty when the batch is opened.
    (tmp_path / "half").mkdir()
    shutil.copy2(root / "b.mp4", tmp_path / "half" / "b.mp4")

    configure_mounts({os.fsencode(root): os.fsencode(tmp_path / "half")})

    def lose(name: str) -> bool:
        (tmp_path / "half" / "b.mp4").unlink(missing_ok=True)
        return True

    try:
        assert read(pipeline, replace(PROBE_READING, takes=lose)).read == 0
        assert is_due(pipeline)
    finally:
        configure_mounts({})
    assert read(pipeline).read == 2


def test_jobs_of_people_wait_for_a_worker_that_sees_their_storage(
    pipeline: Pipeline, root: Path, tmp_path: Path
) -> None:
    put(root, "a.mp4")
    (root / "a.md5").write_text("00000000000000000000000000000000  a.mp4\n")
    pipeline.wait_until_quiet()
    read(pipeline)
    studio = Studio(pipeline, tmp_path / "made")
    asset_id = pipeline.ids()["a"]
    file = pipeline.file("a.mp4")
    assert file is not None
    job = transact(pipeline.sessions, create_reread_job, MediaKind.HEADERS, asset_id, file.id, ADMIN)
    studio.ask("a")
    with pipeline.sessions.begin() as session:
        manifest = session.execute(text("SELECT id FROM file_set WHERE name LIKE '%md5'")).scalar_one()
        create_checksum_job(session, manifest, asset_id, "a.md5")
        verification = session.execute(
            text("SELECT id FROM job WHERE task = :task"), {"task": CHECKSUM_TASK}
        ).scalar_one()
    with without_its_mount(root, tmp_path / "empty", tmp_path / "made"):
        reread_jobs(PROBE_READING).run(pipeline.sessions, [job.id], pipeline.timing)
        checksum_jobs().run(pipeline.sessions, [verification], pipeline.timing)
        assert studio.run() == 0
        waiting = [studio.job(one) for one in (job.id, verification)]
        assert all("a worker that sees its storage" in one.message and one.attempt == 0 for one in waiting)
    studio.end_waits()
    reread_jobs(PROBE_READING).run(pipeline.sessions, [job.id], pipeline.timing)
    checksum_jobs().run(pipeline.sessions, [verification], pipeline.timing)
    assert studio.run() == 1
    assert [studio.job(one).status.value for one in (job.id, verification)] == ["FINISHED", "FAILED"]
