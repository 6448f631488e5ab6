"""`tapeless transcode`: a job with an option to wait for it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.core.mounts import configure_mounts
from models.queues.job import Job, JobStatus, record_transcode_obstacle
from services.core.errors import DomainError
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode
from services.renditions.profiles import BUILT_IN_PROFILES
from tests.pipeline import Pipeline
from tests.services.media_clips import put
from tests.waiting import wait_until
from workers.commands.catalog.transcode import transcode, wait_for_job


def run(running: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(transcode, list(arguments), env=running)


def test_a_rendition_is_asked_for_by_title_and_waited_for(
    pipeline: Pipeline, running: dict[str, str], root: Path, tmp_path: Path
) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    said = run(running, "clip")
    assert said.exit_code == 0, said.output
    assert said.output.endswith(': Transcode "clip" to web\n')
    configure_mounts({}, tmp_path / "media")
    by = TranscodeContext(BUILT_IN_PROFILES)
    run_next_transcode(pipeline.sessions, pipeline.timing, by, pipeline.notify)
    with pipeline.sessions.begin() as session:
        job = session.query(Job).filter(Job.type == "TRANSCODE").one()
    assert wait_for_job(pipeline.sessions, job.id) == "transcoded to clip.web.mp4: 480x270 mp4, 2.0 s"
    with pipeline.sessions.begin() as session:
        session.get_one(Job, job.id).status = JobStatus.FAILED
        session.get_one(Job, job.id).error_message = "its encoder crashed"
    with pytest.raises(DomainError, match="its encoder crashed"):
        wait_for_job(pipeline.sessions, job.id)


def test_why_a_job_waits_is_said_while_it_is_waited_for(
    pipeline: Pipeline, running: dict[str, str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    run(running, "clip")
    obstacle = 'waits for a worker that can write renditions: "/mnt/proxies" cannot be written'
    with pipeline.sessions.begin() as session:
        record_transcode_obstacle(session, obstacle)
        job_id = session.query(Job).filter(Job.type == "TRANSCODE").one().id
    said = ""

    def is_said() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return obstacle in said

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_job, pipeline.sessions, job_id)
        wait_until(is_said, what="the reason is said")
        with pipeline.sessions.begin() as session:
            session.get_one(Job, job_id).status = JobStatus.FINISHED
        assert waiting.result(30) == obstacle


def test_what_nobody_can_make_is_named(pipeline: Pipeline, running: dict[str, str], root: Path) -> None:
    put(root, "still.png")
    pipeline.settle()
    assert "known are web" in run(running, "still", "--profile", "wbe").output
    assert "no moving picture and no sound" in run(running, "still").output
