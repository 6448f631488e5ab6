"""Run the jobs that read media again on request: each reads only its own file sets."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.catalog.media_work import MediaKind
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import JobStatus
from models.queues.media_queue import queue_media
from services.core.lease_heartbeat import lease_heartbeat
from services.jobs.leases import (
    JobClaim,
    JobLostError,
    claim_jobs,
    complete_job,
    fail_job,
    heartbeat_job,
    job_context,
    release_job,
)
from services.media.drain import MediaDrainResult, MediaReading, read_file_sets
from services.media.jobs import MEDIA_TASKS

FILE_SET_BUSY_SECONDS = 2.0
"""Retry delay while another worker reads one of the file sets."""
HAS_QUEUED_SETS = text("SELECT EXISTS (SELECT FROM media_work WHERE kind = :kind AND file_set_id = ANY(:sets))")


def run_reread_jobs(sessions: Sessions, reading: MediaReading, timing: Timing, job_ids: Sequence[uuid.UUID]) -> None:
    """Run those of these jobs that can be claimed."""
    task = MEDIA_TASKS[reading.kind]
    for claim in transact(sessions, lambda session: claim_jobs(session, task, job_ids, timing)):
        with job_context(claim):
            try:
                _run_reread_job(sessions, reading, timing, claim)
            except (JobLostError, DBAPIError):
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                transact(sessions, fail_job, claim, reason)
                raise


def _run_reread_job(sessions: Sessions, reading: MediaReading, timing: Timing, claim: JobClaim) -> None:
    sets = [uuid.UUID(one) for one in claim.arguments.get("file_sets", ())]
    if not transact(sessions, lambda session: _queue_sets(session, reading.kind, sets)):
        _complete_job(sessions, claim, MediaDrainResult())
        return
    with lease_heartbeat(sessions, lambda session: heartbeat_job(session, claim, timing), timing):
        done = read_file_sets(sessions, reading, timing, sets)
    if done is None:
        transact(sessions, lambda session: release_job(session, claim, "waits for its turn", FILE_SET_BUSY_SECONDS))
    else:
        _complete_job(sessions, claim, done)


def _queue_sets(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> bool:
    """Queue the file sets; return False if none of them has files on a storage."""
    queue_media(session, kind, sets)
    return bool(session.scalar(HAS_QUEUED_SETS, {"kind": kind.value, "sets": list(sets)}))


def _complete_job(sessions: Sessions, claim: JobClaim, done: MediaDrainResult) -> None:
    if done.troubles:
        reason = "; ".join(trouble.error for trouble in done.troubles)
        transact(sessions, lambda session: complete_job(session, claim, JobStatus.FAILED, "could not be read", reason))
        return
    message = "was read" if done.read else "is not there to be read now; it is read when it changes or returns"
    transact(sessions, lambda session: complete_job(session, claim, JobStatus.FINISHED, message))
