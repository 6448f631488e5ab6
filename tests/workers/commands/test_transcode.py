"""`tapeless transcode`: a job with an option to wait for it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.job import Job, JobStatus
from tasks.refusals import Refusal
from tasks.transcode_profiles import BUILT_IN
from tasks.transcode_run import Transcoder
from tasks.transcodes import transcode_next
from tests.pipeline import Pipeline
from tests.tasks.media_clips import put
from workers.commands.transcode import transcode, wait_for


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
    transcode_next(Transcoder(pipeline.sessions, pipeline.timing, BUILT_IN, tmp_path / "media"), pipeline.ring)
    with pipeline.sessions.begin() as session:
        job = session.query(Job).filter(Job.type == "TRANSCODE").one()
    assert wait_for(pipeline.sessions, job.id) == "transcoded to clip.web.mp4: 480x270 mp4, 2.0 s"
    with pipeline.sessions.begin() as session:
        session.get_one(Job, job.id).status = JobStatus.FAILED
        session.get_one(Job, job.id).error_message = "its encoder crashed"
    with pytest.raises(Refusal, match="its encoder crashed"):
        wait_for(pipeline.sessions, job.id)


def test_what_nobody_can_make_is_named(pipeline: Pipeline, running: dict[str, str], root: Path) -> None:
    put(root, "still.png")
    pipeline.settle()
    assert "known are web" in run(running, "still", "--profile", "wbe").output
    assert "no moving picture and no sound" in run(running, "still").output
