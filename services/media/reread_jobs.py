"""Run the jobs that read media again on request: each reads only its own file sets."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.core.sessions import transact
from models.queues.job import JobStatus
from models.queues.media_queue import HAS_QUEUED_SETS, MediaKind, queue_media
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun
from services.media.drain import MediaDrainResult, MediaReading, read_file_sets
from services.media.jobs import MEDIA_TASKS

FILE_SET_BUSY_SECONDS = 2.0
"""Retry delay while another worker reads one of the file sets."""


def reread_jobs(reading: MediaReading) -> JobKind:
    """Return the jobs that repeat this reading."""
    return JobKind(MEDIA_TASKS[reading.kind], lambda run: _reread(run, reading))


def _reread(run: JobRun, reading: MediaReading) -> JobOutcome:
    sets = [uuid.UUID(one) for one in run.claim.arguments.get("file_sets", ())]
    done: MediaDrainResult | None = MediaDrainResult()
    if transact(run.sessions, lambda session: _queue_sets(session, run, reading.kind, sets)):
        with run.keep_lease():
            done = read_file_sets(run.sessions, reading, run.timing, sets)
    if done is None:
        return JobPause("waits for its turn", FILE_SET_BUSY_SECONDS)
    if done.troubles:
        return JobEnd("could not be read", JobStatus.FAILED, "; ".join(done.troubles.values()))
    return JobEnd("was read" if done.read else "is not there to be read now; it is read when it changes or returns")


def _queue_sets(session: Session, run: JobRun, kind: MediaKind, sets: Sequence[uuid.UUID]) -> bool:
    """Queue the file sets; return False if none of them has files on a storage."""
    run.heartbeat(session, stopped="stopped before it was read")
    queue_media(session, kind, sets)
    return bool(session.scalar(HAS_QUEUED_SETS, {"kind": kind.value, "sets": list(sets)}))
