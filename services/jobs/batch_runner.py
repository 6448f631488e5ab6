"""Run jobs in batches of rows: each batch is one fenced transaction that also stores the cursor."""

import json
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import JobStatus
from services.core.errors import DomainError
from services.jobs.leases import (
    JobClaim,
    JobLostError,
    Progress,
    claim_jobs,
    complete_job,
    fail_job,
    heartbeat_job,
    job_context,
)

log = logging.getLogger(__name__)

BatchCursor = dict[str, Any]
"""Where the next batch begins, as stored in the job; empty at the start."""
BatchFunction = Callable[[Session, JobClaim, BatchCursor], tuple[int, BatchCursor | None]]
"""Process one batch; returns the number of rows and the next cursor, or None when nothing is left."""


def run_batch_job(
    sessions: Sessions, task: str, job_ids: Sequence[uuid.UUID], timing: Timing, batch: BatchFunction, noun: str
) -> None:
    """Run these jobs until they end or a user stops them; jobs leased by other workers are skipped.

    A DomainError needs a person, so it fails the job for good with its message; any other error leaves the job for a
    retry.
    """
    for claim in transact(sessions, lambda session: claim_jobs(session, task, job_ids, timing)):
        with job_context(claim):
            try:
                _run_batches(sessions, claim, timing, batch, noun)
            except JobLostError as lost:
                log.info("%s", lost)
            except DomainError as refusal:
                text = str(refusal)
                transact(sessions, complete_job, claim, JobStatus.FAILED, text)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                transact(sessions, fail_job, claim, text)
                raise


def _run_batches(sessions: Sessions, claim: JobClaim, timing: Timing, batch: BatchFunction, noun: str) -> None:
    # A restart by a user resets `processed` to 0: then ignore the stored cursor and process everything again.
    place: BatchCursor | None = dict(claim.details.get("place") or {}) if claim.processed else {}
    done = claim.processed
    while place is not None:
        stopped, count, following = transact(sessions, _run_fenced_batch, claim, timing, batch, place, done)
        done += count
        if stopped:
            text = f"stopped after {done} {noun}"
            transact(sessions, complete_job, claim, JobStatus.ABORTED, text)
            return
        place = following
    transact(sessions, lambda session: complete_job(session, claim, JobStatus.FINISHED, f"{done} {noun}"))


def _run_fenced_batch(
    session: Session, claim: JobClaim, timing: Timing, batch: BatchFunction, place: BatchCursor, done: int
) -> tuple[bool, int, BatchCursor | None]:
    """Run one batch under the lease: the job's row stays locked until the batch is committed."""
    if heartbeat_job(session, claim, timing):
        return True, 0, place
    count, following = batch(session, claim, place)
    kept = json.dumps({"place": following})
    processed = done + count
    heartbeat_job(session, claim, timing, Progress(processed, max(processed, claim.total), details=kept))
    return False, count, following
