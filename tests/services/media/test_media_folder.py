"""Work whose result is a file is done only where the folder of the system is, and verify finds files that are not."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from models.queues.job import JobStatus
from search.postgres.engine import PostgresEngine
from services.core.folder_markers import MARKER_FILE_NAME, find_write_fault
from services.media.drain import MediaFolderError
from services.media.previews import preview_reading_for
from services.operations.check_result import VerifyContext
from services.operations.media_invariants import check_media
from tests.services.media_clips import put
from tests.services.media_steps import read
from tests.services.transcode_steps import Studio

UNDELAYED = text(
    "SELECT count(*) FROM media_work WHERE kind = 'PICTURES' AND lease_until IS NULL AND parked_at IS NULL"
)


def waiting_pictures(studio: Studio) -> int:
    with studio.sessions() as session:
        return session.execute(UNDELAYED).scalar_one()


def test_a_worker_without_the_shared_folder_takes_no_pictures_and_no_transcodes(
    studio: Studio, root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    read(studio.pipeline)
    folder = tmp_path / "media"
    assert read(studio.pipeline, preview_reading_for(folder)).read == 1
    (folder / MARKER_FILE_NAME).rename(tmp_path / "marker")
    job_id = studio.ask("clip")
    put(root, "other.mp4")
    studio.pipeline.settle()
    read(studio.pipeline)
    assert read(studio.pipeline, preview_reading_for(folder)).read == 0
    assert studio.run() == 0
    assert (waiting_pictures(studio), studio.job(job_id).status, studio.job(job_id).attempt) == (1, JobStatus.READY, 0)
    assert "no pictures is read" in caplog.text
    assert "no transcode is taken" in caplog.text
    assert studio.job(job_id).message.startswith("waits for a worker that can write renditions: ")
    (tmp_path / "marker").rename(folder / MARKER_FILE_NAME)
    assert read(studio.pipeline, preview_reading_for(folder)).read == 1
    assert studio.run() == 1
    assert studio.job(job_id).status == JobStatus.FINISHED


def test_a_folder_that_cannot_be_written_is_a_fault() -> None:
    with tempfile.TemporaryDirectory() as name:  # not `tmp_path`, which only its own user may enter
        folder = Path(name)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)  # root may write everywhere
        try:
            faults = [find_write_fault(folder), find_write_fault(folder / "ab" / "asset")]
        finally:
            if is_root:
                os.seteuid(0)
        assert faults[0] is not None
        assert faults[0].startswith(f'"{folder}" cannot be written by the user of its worker')
        assert faults[0] == faults[1]
        folder.chmod(0o777)
        assert find_write_fault(folder) is None


def test_what_was_written_after_the_mount_was_lost_is_not_recorded(studio: Studio, root: Path, tmp_path: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    read(studio.pipeline)
    reading = preview_reading_for(tmp_path / "media")

    def lose(outcomes: Any) -> Any:
        (tmp_path / "media" / MARKER_FILE_NAME).unlink()
        return reading.keep(outcomes)

    with pytest.raises(MediaFolderError, match="has no file"):
        read(studio.pipeline, replace(reading, keep=lose))
    with studio.sessions() as session:
        assert session.execute(text("SELECT count(*) FROM keyframe")).scalar_one() == 0
    assert waiting_pictures(studio) == 1


def test_verify_checks_no_made_files_from_a_machine_that_does_not_share_their_folder(
    studio: Studio, root: Path, tmp_path: Path
) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    read(studio.pipeline)
    folder = tmp_path / "media"
    read(studio.pipeline, preview_reading_for(folder))
    engine = PostgresEngine(studio.sessions)
    audited = VerifyContext(studio.sessions, engine, studio.pipeline.timing, folder)
    (folder / MARKER_FILE_NAME).rename(tmp_path / "marker")
    unsure = check_media(audited, repair=True)
    assert (unsure.checked, unsure.broken, unsure.repaired, len(unsure.notes)) == (0, 0, 0, 1)
    (tmp_path / "marker").rename(folder / MARKER_FILE_NAME)
    sure = check_media(audited, repair=False)
    assert (sure.checked > 0, sure.broken, sure.notes) == (True, 0, [])
