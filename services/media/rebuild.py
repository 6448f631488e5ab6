"""Media rebuild: a job that has headers, previews and renditions made again, all of them or those that are missing.

1. The job looks at file sets and renditions page by page; files are looked up with no transaction open.
2. Each page is one fenced transaction that queues work in the media queue and creates transcode jobs. So running a page
   twice queues the same work.
3. The readers of media and the encoder do the rest, like any other work: a header that is read has its previews made.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.core.sessions import read_snapshot, transact
from models.queues.job import JOB_QUEUE, TRANSCODE_TASK, Job, Progress
from models.queues.media_queue import MEDIA_QUEUE, MediaKind, queue_media
from models.queues.notify import Notifier
from services.core.folder_markers import find_media_folder_fault
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun
from services.media.jobs import MEDIA_TASKS
from services.media.missing_media import (
    FIRST_ID,
    MediaPart,
    find_unmade_renditions,
    load_media_sets,
    load_rendition_files,
)
from services.renditions.queue import request_rendition_again, request_wanted_rendition

MEDIA_REBUILD_TASK = "media.rebuild"
FOLDER_RETRY_SECONDS = 5.0
"""Until another worker may have taken a job that needs the media folder."""


def start_media_rebuild(
    session: Session, actor: Actor, assets: Sequence[uuid.UUID] | None = None, *, only_missing: bool = False
) -> Job:
    """Create the job for these assets, or for all."""
    what = "the missing headers, previews and renditions" if only_missing else "headers, previews and renditions"
    title = f"Make {what} of {pluralize(len(assets), 'asset')} again" if assets else f"Make {what} again"
    arguments = {"assets": None if assets is None else [str(one) for one in assets], "only_missing": only_missing}
    return add_job(session, MEDIA_REBUILD_TASK, "KEYFRAMES", title, actor, arguments=arguments)


@dataclass(frozen=True, slots=True)
class RebuildState:
    """What is left of a rebuild whose job has ended."""

    pending: int
    """Readings and renditions that wait or run."""
    failures: Sequence[str]
    """Why renditions could not be made."""
    obstacles: Sequence[str] = ()
    """Why renditions that wait were not begun, or have to be tried again."""


SELECT_PENDING = text(f"""
    SELECT (SELECT count(*) FROM {MEDIA_QUEUE.view} AS work JOIN file_set ON file_set.id = work.file_set_id
            WHERE work.kind IN ('{MediaKind.HEADERS}', '{MediaKind.PICTURES}') AND work.parked_at IS NULL
                AND (CAST(:assets AS uuid[]) IS NULL OR file_set.asset_id = ANY(CAST(:assets AS uuid[]))))
        + (SELECT count(*) FROM {JOB_QUEUE.view} AS job WHERE parent_id = :job AND {JOB_QUEUE.is_pending})
""")
SELECT_FAILURES = text(f"""
    SELECT title || ': ' || coalesce(error_message, message) FROM {JOB_QUEUE.view} AS job
    WHERE parent_id = :job AND (status = 'FAILED' OR parked_at IS NOT NULL) ORDER BY id
""")
SELECT_OBSTACLES = text(f"""
    SELECT DISTINCT coalesce(error_message, message) FROM {JOB_QUEUE.view} AS job
    WHERE parent_id = :job AND {JOB_QUEUE.is_pending} AND lease_until IS NULL
        AND coalesce(error_message, message) <> ''
""")


def read_rebuild_state(session: Session, job_id: uuid.UUID, assets: Sequence[uuid.UUID] | None) -> RebuildState:
    """Read how much of a rebuild of these assets, or of all, is still pending, and what failed."""
    pending = session.scalar(SELECT_PENDING, {"job": job_id, "assets": list(assets) if assets else None})
    failures, obstacles = (
        session.scalars(select, {"job": job_id}).all() for select in (SELECT_FAILURES, SELECT_OBSTACLES)
    )
    return RebuildState(pending or 0, failures, obstacles)


@dataclass(slots=True)
class RebuildProgress:
    """Where a rebuild continues, and what it has queued."""

    headers: int = 0
    previews: int = 0
    renditions: int = 0
    seen: int = 0
    after_set: str = str(FIRST_ID)
    """The last file set; empty once all were looked at."""
    after_rendition: str = str(FIRST_ID)

    def describe(self) -> str:
        """Say what was queued."""
        counted = {"header": self.headers, "preview": self.previews, "rendition": self.renditions}
        queued = [pluralize(number, noun) for noun, number in counted.items() if number]
        return f"{', '.join(queued)} queued to be made again" if queued else "nothing is missing"


@dataclass(frozen=True, slots=True)
class MediaRebuild:
    """One run of the job."""

    run: JobRun
    media_folder: Path

    def work(self) -> JobEnd:
        """Queue everything page by page, from where an earlier run was ended."""
        done = RebuildProgress(**self.run.claim.kept)
        while done.after_set and self._queue_sets(done):
            pass
        while self._queue_renditions(done):
            pass
        return JobEnd(done.describe())

    @property
    def _assets(self) -> list[uuid.UUID] | None:
        given = self.run.claim.arguments["assets"]
        return None if given is None else [uuid.UUID(one) for one in given]

    @property
    def _only_missing(self) -> bool:
        return bool(self.run.claim.arguments["only_missing"])

    def _queue_sets(self, done: RebuildProgress) -> bool:
        with self.run.keep_lease():
            sets = read_snapshot(self.run.sessions, load_media_sets, uuid.UUID(done.after_set), self._assets)
            missing = [found for one in sets if (found := one.find_missing(self.media_folder)) is not None]
            unmade = read_snapshot(self.run.sessions, find_unmade_renditions, sets) if self._only_missing else []
        headers = [one.id for one in sets]
        previews: list[uuid.UUID] = []
        if self._only_missing:
            headers, previews = (
                [one.key for one in missing if one.part is part] for part in (MediaPart.HEADER, MediaPart.PREVIEW)
            )
        done.headers, done.previews = done.headers + len(headers), done.previews + len(previews)
        done.seen, done.after_set = done.seen + len(sets), str(sets[-1].id) if sets else ""

        def write(session: Session) -> int:
            queue_media(session, MediaKind.HEADERS, headers)
            queue_media(session, MediaKind.PICTURES, previews)
            made = [request_wanted_rendition(session, one.key, one.name, self.run.claim.id) for one in unmade]
            return self._save(session, done, sum(made))

        done.renditions = transact(self.run.sessions, write)
        return bool(sets)

    def _queue_renditions(self, done: RebuildProgress) -> bool:
        with self.run.keep_lease():
            after = uuid.UUID(done.after_rendition)
            page = read_snapshot(self.run.sessions, load_rendition_files, after, self._assets)
            wanted = [one for one in page if one.is_reachable]
            if self._only_missing:
                wanted = [one for one in wanted if one.find_missing() is not None]
        if not page:
            return False
        done.seen, done.after_rendition = done.seen + len(page), str(page[-1].id)

        def write(session: Session) -> int:
            made = [request_rendition_again(session, one.id, self.run.claim.id) for one in wanted]
            return self._save(session, done, sum(made))

        done.renditions = transact(self.run.sessions, write)
        return True

    def _save(self, session: Session, done: RebuildProgress, renditions: int) -> int:
        """Write the progress in the transaction of the work; return how many renditions were queued by now."""
        now = replace(done, renditions=done.renditions + renditions)
        seen = max(now.seen, 1)
        progress = Progress(seen, seen, now.describe(), json.dumps({"place": asdict(now)}))
        self.run.heartbeat(session, progress, f"stopped; {now.describe()}")
        return now.renditions


def media_rebuild_jobs(media_folder: Path, notify: Notifier) -> JobKind:
    """Return the jobs that rebuild media; they notify the workers of what they queued."""

    def work(run: JobRun) -> JobOutcome:
        if fault := find_media_folder_fault(run.sessions, media_folder):
            return JobPause(f"waits for a worker that has the media folder: {fault}", FOLDER_RETRY_SECONDS)
        end = MediaRebuild(run, media_folder).work()
        transact(run.sessions, run.complete, end)
        for task in (MEDIA_TASKS[MediaKind.HEADERS], MEDIA_TASKS[MediaKind.PICTURES], TRANSCODE_TASK):
            notify(task, ())
        return None

    return JobKind(MEDIA_REBUILD_TASK, work)
