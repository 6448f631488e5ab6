"""From an asset to its rendition: another format of it, with a file of its own that plays."""

import uuid
from pathlib import Path

import av
import pytest
from sqlalchemy import select

from models.acl import Actor
from models.asset import Format
from models.job import Job
from models.sessions import transact
from tasks.transcode_jobs import request_transcode
from tasks.transcode_profiles import BUILT_IN
from tasks.transcode_run import Transcoder
from tasks.transcodes import transcode_next
from tests.pipeline import Pipeline
from tests.tasks.media_clips import put

ADMIN = Actor("somebody", uuid.uuid4(), is_admin=True)


class Studio:
    """A pipeline whose transcodes a test runs when it likes."""

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        self.pipeline, self.sessions = pipeline, pipeline.sessions
        self.by = Transcoder(pipeline.sessions, pipeline.timing, BUILT_IN, folder)
        self.proxies = folder / "renditions"

    def ask(self, title: str, profile: str = "web") -> uuid.UUID:
        asset_id = self.pipeline.ids()[title]
        return transact(self.sessions, lambda s: request_transcode(s, asset_id, None, profile, ADMIN).id)

    def run(self) -> int:
        count = 0
        while transcode_next(self.by, self.pipeline.ring):
            count += 1
        return count

    def job(self, job_id: uuid.UUID) -> Job:
        with self.sessions() as session:
            return session.get_one(Job, job_id)

    def files(self) -> list[Path]:
        return sorted(path for path in self.proxies.rglob("*") if path.is_file())

    def rendition(self, profile: str = "web") -> Format:
        with self.sessions() as session:
            return session.scalars(select(Format).where(Format.rule == "transcode", Format.name == profile)).one()


@pytest.fixture
def studio(pipeline: Pipeline, tmp_path: Path) -> Studio:
    return Studio(pipeline, tmp_path / "media")


def test_a_video_gets_a_rendition_that_is_another_format_of_its_asset(studio: Studio, root: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    job_id = studio.ask("clip")
    assert studio.run() == 1
    job = studio.job(job_id)
    assert (job.status.value, job.error_message) == ("FINISHED", None), job.message
    (path,) = studio.files()
    assert path.name == "clip.web.mp4"
    content = path.read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.canonical_name, video.pix_fmt, audio.codec.name) == ("h264", "yuv420p", "aac")
        assert abs(container.duration - 2_000_000) < 50_000
    history = studio.pipeline.history(studio.pipeline.ids()["clip"])
    assert [line.split(":")[0] for line in history[-2:]] == ["ADD_FORMAT", "TRANSCODE"]
    assert studio.pipeline.broken() == []
    put(root, "other.mp4")
    studio.pipeline.settle()
    assert studio.pipeline.titles() == ["clip", "other"]
    assert studio.pipeline.broken() == []
