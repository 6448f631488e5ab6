"""Leases of jobs that Tapeless runs: claim in a short transaction, work without one, fence every write.

Life of a job:

1. a row is READY; the sweep dispatches it (`handed_until`) and sends its task a message with its id;
2. the task claims it: STARTED, with an owner, a lease and an attempt;
3. it works in short transactions; each renews the lease and reads whether a user asked it to stop;
4. it releases the job to continue later, or completes it; both reset the attempt;
5. a worker that dies leaves its attempt behind: the next claim counts a crash, and after MAX_JOB_CRASHES the job is
   dead-lettered.
"""

import logging
import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.log_context import bind_log_fields
from models.core.timing import Timing
from models.core.tracing import span
from models.queues.job import JobStatus
from services.core.errors import storable_text

log = logging.getLogger(__name__)

MAX_JOB_CRASHES = 3
MAX_JOB_ERRORS = 8
MAX_DISPATCHED_JOBS = 100

# An attempt that is still above 0 beside an expired lease means that its worker died: only then is a crash counted. FOR
# UPDATE SKIP LOCKED lets concurrent claims take different rows instead of waiting for each other.
CLAIM_JOBS = text("""
    UPDATE job SET status = 'STARTED', lease_owner = :owner, lease_until = now() + make_interval(secs => :lease),
        attempt = attempt + 1, crashes = crashes + CASE WHEN attempt > 0 AND lease_until IS NOT NULL THEN 1 ELSE 0 END,
        handed_until = NULL, started_at = coalesce(started_at, now()), date_modified = now()
    WHERE id IN (
        SELECT id FROM job
        WHERE id = ANY(:ids) AND task = :task AND status IN ('READY', 'STARTED') AND parked_at IS NULL
            AND not_before <= now() AND (lease_until IS NULL OR lease_until <= now())
        ORDER BY id FOR UPDATE SKIP LOCKED)
    RETURNING id, object_id, arguments, details, attempt, progress_processed AS processed, progress_total AS total,
        created_by, date_created, trace
""")

RENEW_JOB = text("""
    UPDATE job SET lease_until = now() + make_interval(secs => :lease), date_modified = now(),
        progress_processed = coalesce(:processed, progress_processed),
        progress_total = coalesce(:total, progress_total),
        message = coalesce(:message, message), details = details || CAST(:details AS jsonb)
    WHERE id = :id AND lease_owner = :owner AND attempt = :attempt
    RETURNING status
""")

RELEASE_JOB = text("""
    UPDATE job SET lease_owner = NULL, lease_until = NULL, attempt = 0, crashes = 0, error_message = NULL,
        message = coalesce(:message, message), not_before = now() + make_interval(secs => :seconds),
        date_modified = now()
    WHERE id = :id AND lease_owner = :owner AND attempt = :attempt
""")

COMPLETE_JOB = text("""
    UPDATE job SET status = :status, message = :message, error_message = :error, completed_at = now(),
        lease_owner = NULL, lease_until = NULL, handed_until = NULL, attempt = 0, crashes = 0, date_modified = now()
    WHERE id = :id AND lease_owner = :owner AND attempt = :attempt
""")

# Exponential backoff: 2, 4, 8 ... at most 300 seconds after each failed attempt.
FAIL_JOB = text("""
    UPDATE job SET lease_owner = NULL, lease_until = NULL, error_message = :error,
        not_before = now() + make_interval(secs => least(300, power(2, attempt))),
        parked_at = CASE WHEN attempt >= :most THEN now() END, date_modified = now()
    WHERE id = :id AND lease_owner = :owner AND attempt = :attempt
""")

SELF_CLAIMING_TASKS = ("transcode.run",)
"""Tasks that claim the longest waiting job themselves when a message arrives: a message for each of a hundred long
jobs, repeated while they wait, would fill the queue."""

JOB_IS_DISPATCHABLE = f"""
    status IN ('READY', 'STARTED') AND task IS NOT NULL AND parked_at IS NULL AND not_before <= now()
    AND (lease_until IS NULL OR lease_until <= now()) AND (handed_until IS NULL OR handed_until <= now())
    AND task NOT IN ({", ".join(f"'{task}'" for task in SELF_CLAIMING_TASKS)})
"""
JOB_IS_UNLEASED_ABORT = (
    "status = 'ABORT_PENDING' AND task IS NOT NULL AND (lease_until IS NULL OR lease_until <= now())"
)

HAS_JOB_TO_DISPATCH = text(
    f"SELECT EXISTS (SELECT FROM job WHERE {JOB_IS_DISPATCHABLE})"
    f" OR EXISTS (SELECT FROM job WHERE {JOB_IS_UNLEASED_ABORT})"
)

# SKIP LOCKED: a row that a worker is just claiming needs no dispatch.
DISPATCH_JOBS = text(f"""
    UPDATE job SET handed_until = now() + make_interval(secs => :dispatch_timeout)
    WHERE id IN (
        SELECT id FROM job WHERE {JOB_IS_DISPATCHABLE} ORDER BY priority, id LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id, task
""")

COMPLETE_ABORTED_JOBS = text(f"""
    UPDATE job SET status = 'ABORTED', completed_at = now(), date_modified = now(), lease_owner = NULL,
        lease_until = NULL
    WHERE {JOB_IS_UNLEASED_ABORT}
""")

DEAD_LETTER_CRASHED_JOBS = text("""
    UPDATE job SET parked_at = now(), lease_owner = NULL, lease_until = NULL, date_modified = now(),
        error_message = coalesce(error_message, 'its worker died ' || crashes || ' times while it ran')
    WHERE crashes >= :most AND parked_at IS NULL AND lease_until <= now()
""")


class JobLostError(Exception):
    """The lease was lost: another worker holds the job, or a user paused, restarted or deleted it. Nothing more may be
    written."""

    def __init__(self, job_id: uuid.UUID) -> None:
        super().__init__(f"job {job_id} was taken, paused or restarted while it ran")


@dataclass(frozen=True, slots=True)
class JobClaim:
    """A leased job as read at claim time; `owner` and `attempt` are the fencing token of every later write."""

    id: uuid.UUID
    object_id: uuid.UUID | None
    arguments: dict[str, Any]
    details: dict[str, Any]
    owner: str
    attempt: int
    processed: int
    total: int
    task: str
    created_by: uuid.UUID | None
    """The user who asked for it."""
    date_created: datetime
    trace: str | None = None
    """Trace context of the request that created the job, if traced."""

    @property
    def kept(self) -> dict[str, Any]:
        """Return what an earlier run kept to continue from: nothing if a user restarted the job, which resets its
        progress."""
        return (self.details.get("place", self.details) or {}) if self.processed else {}

    @property
    def fence(self) -> dict[str, Any]:
        """Return the parameters that every fenced statement takes."""
        return {"id": self.id, "owner": self.owner, "attempt": self.attempt}


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step writes to its job's row; None leaves a column unchanged."""

    processed: int | None = None
    total: int | None = None
    message: str | None = None
    details: str = "{}"
    """JSON object that is merged into the job's details."""


NO_PROGRESS = Progress()


def claim_jobs(session: Session, task: str, ids: Sequence[uuid.UUID], timing: Timing) -> list[JobClaim]:
    """Lease those of `ids` that belong to `task`, are due and unleased."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    rows = session.execute(CLAIM_JOBS, {"ids": list(ids), "task": task, "owner": owner, "lease": timing.lease_seconds})
    return sorted((JobClaim(owner=owner, task=task, **row) for row in rows.mappings()), key=lambda claim: claim.id)


@contextmanager
def job_context(claim: JobClaim) -> Iterator[None]:
    """Set the log context and open a trace span for work on one job.

    A lost lease (JobLostError) ends the block quietly: the job belongs to another worker now.
    """
    followed = span("job", [claim.trace], task=claim.task, job_id=claim.id, attempt=claim.attempt)
    with bind_log_fields(job_id=claim.id), followed:
        try:
            yield
        except JobLostError as lost:
            log.info("%s", lost)


def heartbeat_job(session: Session, claim: JobClaim, timing: Timing, progress: Progress = NO_PROGRESS) -> bool:
    """Renew the lease and write progress, in the transaction of the work itself.

    Returns:
        Whether a user asked the job to stop.

    Raises:
        JobLostError: the lease was lost; the transaction must roll back.
    """
    status = session.scalar(
        RENEW_JOB,
        claim.fence
        | {
            "lease": timing.lease_seconds,
            "processed": progress.processed,
            "total": progress.total,
            "message": progress.message,
            "details": progress.details,
        },
    )
    if status is None:
        raise JobLostError(claim.id)
    return bool(status == JobStatus.ABORT_PENDING)


def release_job(session: Session, claim: JobClaim, message: str | None = None, seconds: float = 0) -> None:
    """Release the job so that it continues after the next dispatch, no sooner than in `seconds`."""
    session.execute(RELEASE_JOB, claim.fence | {"message": message, "seconds": seconds})


def complete_job(session: Session, claim: JobClaim, status: JobStatus, message: str, error: str | None = None) -> None:
    """Complete the job with its final status."""
    texts = {"message": storable_text(message), "error": None if error is None else storable_text(error)}
    session.execute(COMPLETE_JOB, claim.fence | texts | {"status": status.value})


def fail_job(session: Session, claim: JobClaim, error: str) -> None:
    """Release the job after an error: retried with backoff, dead-lettered after MAX_JOB_ERRORS attempts."""
    session.execute(FAIL_JOB, claim.fence | {"error": storable_text(error), "most": MAX_JOB_ERRORS})


def is_job_waiting(session: Session) -> bool:
    """Return whether a job waits for dispatch, or for its abort to be completed."""
    return bool(session.scalar(HAS_JOB_TO_DISPATCH))


def dispatch_jobs(session: Session, timing: Timing) -> list[tuple[str, uuid.UUID]]:
    """Mark due jobs as dispatched and return (task, id) of each, to be sent as messages.

    Also completes aborts that no worker holds, and dead-letters jobs after too many crashes of their workers.
    """
    session.execute(COMPLETE_ABORTED_JOBS)
    session.execute(DEAD_LETTER_CRASHED_JOBS, {"most": MAX_JOB_CRASHES})
    limits = {"dispatch_timeout": timing.dispatch_timeout_seconds, "most": MAX_DISPATCHED_JOBS}
    rows = session.execute(DISPATCH_JOBS, limits)
    return [(row.task, row.id) for row in rows]
