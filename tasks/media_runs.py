"""Run the jobs that read media again on request: each reads only its own file sets."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.job import JobStatus
from models.media import MediaKind
from models.media_queue import queue_media
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.job_leases import JobClaim, JobLostError, about_job, claim_jobs, end_job, fail_job, give_back_job, keep_job
from tasks.lease_keeper import keep_renewing
from tasks.media_drain import Drained, Reading, read_named
from tasks.media_jobs import TASKS

BUSY_SECONDS = 2.0
"""Retry delay while another worker reads one of the file sets."""
ARE_QUEUED = text("SELECT EXISTS (SELECT FROM media_work WHERE kind = :kind AND file_set_id = ANY(:sets))")


def run_reading_jobs(sessions: Sessions, reading: Reading, timing: Timing, job_ids: Sequence[uuid.UUID]) -> None:
    """Run those of these jobs that can be claimed."""
    task = TASKS[reading.kind]
    for claim in transact(sessions, lambda session: claim_jobs(session, task, job_ids, timing)):
        with about_job(claim):
            try:
                _run(sessions, reading, timing, claim)
            except (JobLostError, DBAPIError):
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                transact(sessions, lambda session, claim=claim, reason=reason: fail_job(session, claim, reason))
                raise


def _run(sessions: Sessions, reading: Reading, timing: Timing, claim: JobClaim) -> None:
    sets = [uuid.UUID(one) for one in claim.arguments.get("file_sets", ())]
    if not transact(sessions, lambda session: _queue(session, reading.kind, sets)):
        _end(sessions, claim, Drained())
        return
    with keep_renewing(sessions, lambda session: keep_job(session, claim, timing), timing):
        done = read_named(sessions, reading, timing, sets)
    if done is None:
        transact(sessions, lambda session: give_back_job(session, claim, "waits for its turn", BUSY_SECONDS))
    else:
        _end(sessions, claim, done)


def _queue(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> bool:
    """Queue the file sets; return False if none of them has files on a storage."""
    queue_media(session, kind, sets)
    return bool(session.scalar(ARE_QUEUED, {"kind": kind.value, "sets": list(sets)}))


def _end(sessions: Sessions, claim: JobClaim, done: Drained) -> None:
    if done.troubles:
        reason = "; ".join(trouble.error for trouble in done.troubles)
        transact(sessions, lambda session: end_job(session, claim, JobStatus.FAILED, "could not be read", reason))
        return
    message = "was read" if done.read else "is not there to be read now; it is read when it changes or returns"
    transact(sessions, lambda session: end_job(session, claim, JobStatus.FINISHED, message))
