"""A test pipeline with transcodes that run on demand, and access to their results."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
from sqlalchemy import select, text

from models.access.acl import Actor
from models.catalog.asset import Format
from models.core.mounts import configure_mounts
from models.core.sessions import transact
from models.queues.job import Job
from services.core.folder_markers import MARKER_FILE_NAME
from services.media.drain import drain_media
from services.media.probe import PROBE_READING
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode
from services.renditions.profiles import BUILT_IN_PROFILES
from services.renditions.queue import request_transcode
from tests.pipeline import Pipeline

ADMIN = Actor("somebody", uuid.uuid4(), is_admin=True)


class Studio:
    """A pipeline with a media folder."""

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        self.pipeline, self.sessions = pipeline, pipeline.sessions
        self.by = TranscodeContext(BUILT_IN_PROFILES)
        configure_mounts({}, folder)
        self.proxies = folder / "renditions"

    def ask(self, title: str, profile: str = "web") -> uuid.UUID:
        """A job for the asset's rendition."""
        asset_id = self.pipeline.ids()[title]
        return transact(self.sessions, lambda s: request_transcode(s, asset_id, None, profile, ADMIN).id)

    def run(self) -> int:
        """Run what waits; gives how many jobs."""
        count = 0
        while run_next_transcode(self.sessions, self.pipeline.timing, self.by, self.pipeline.notify):
            count += 1
        return count

    @contextmanager
    def running(self, program: str) -> Iterator[None]:
        """One job on a thread, with another program in the place of the encoder."""
        by = replace(self.by, program=program)
        thread = threading.Thread(
            target=run_next_transcode, args=(self.sessions, self.pipeline.timing, by, self.pipeline.notify)
        )
        thread.start()
        try:
            yield
        finally:
            thread.join(30)
            assert not thread.is_alive()

    def job(self, job_id: uuid.UUID) -> Job:
        """The job as it is now."""
        with self.sessions() as session:
            return session.get_one(Job, job_id)

    def files(self) -> list[Path]:
        """All that lies where renditions are kept, beside the marker of the folder."""
        return sorted(path for path in self.proxies.rglob("*") if path.is_file() and path.name != MARKER_FILE_NAME)

    def rendition(self, profile: str = "web") -> Format:
        """The one rendition of this profile."""
        with self.sessions() as session:
            return session.scalars(select(Format).where(Format.rule == "transcode", Format.name == profile)).one()

    def read_again(self) -> None:
        """Have all headers read again, as after a change."""
        with self.sessions.begin() as session:
            session.execute(text("SELECT queue_media_work(array_agg(id), 'HEADERS', 0) FROM file_set"))
            session.execute(text("UPDATE media_work SET not_before = now()"))
        assert drain_media(self.sessions, PROBE_READING, self.pipeline.timing).read

    def end_waits(self) -> None:
        """As if all leases and waits of jobs had ended."""
        with self.sessions.begin() as session:
            session.execute(text("UPDATE job SET lease_until = now(), not_before = now() WHERE lease_until > now()"))
            session.execute(text("UPDATE job SET not_before = now()"))


def frame_count(path: Path) -> int:
    """Pictures of a movie."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))
