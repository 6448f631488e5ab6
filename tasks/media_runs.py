"""Running the jobs by which a person has media read again: each reads its file sets alone, and ends with what came."""

import logging
import uuid
from collections.abc import Sequence

from models.job import JobStatus
from models.media_queue import queue_media
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.job_leases import JobClaim, JobLostError, about_job, claim_jobs, end_job, give_back_job, keep_job
from tasks.lease_keeper import keep_renewing
from tasks.media_drain import Drained, Reading, read_named
from tasks.media_jobs import TASKS

log = logging.getLogger(__name__)
BUSY_SECONDS = 2.0
"""Before a job looks again whether its file set is free."""


def run_reading_jobs(sessions: Sessions, reading: Reading, timing: Timing, job_ids: Sequence[uuid.UUID]) -> None:
    """Run those of these jobs that wait; what somebody else holds, or what has ended, is left alone."""
    task = TASKS[reading.kind]
    for claim in transact(sessions, lambda session: claim_jobs(session, task, job_ids, timing)):
        with about_job(claim):
            try:
                _run(sessions, reading, timing, claim)
            except JobLostError as lost:
                log.info("%s", lost)


def _run(sessions: Sessions, reading: Reading, timing: Timing, claim: JobClaim) -> None:
    sets = [uuid.UUID(one) for one in claim.arguments.get("file_sets", ())]
    transact(sessions, lambda session: queue_media(session, reading.kind, sets))
    with keep_renewing(sessions, lambda session: keep_job(session, claim, timing), timing):
        done = read_named(sessions, reading, timing, sets)
    if done is None:
        transact(sessions, lambda session: give_back_job(session, claim, "waits for its turn", BUSY_SECONDS))
    else:
        _end(sessions, claim, done)


def _end(sessions: Sessions, claim: JobClaim, done: Drained) -> None:
    if done.troubles:
        reason = "; ".join(trouble.error for trouble in done.troubles)
        transact(sessions, lambda session: end_job(session, claim, JobStatus.FAILED, "could not be read", reason))
        return
    message = "was read" if done.read else "is not there to be read now; it is read when it changes or returns"
    transact(sessions, lambda session: end_job(session, claim, JobStatus.FINISHED, message))
