"""Run jobs: one loop for every kind, from the claim to the end of the job.

The work of a kind is a function of a `JobRun`. It works in short transactions, each of which begins with
`JobRun.heartbeat`, and its outcome decides what becomes of the job:

| outcome of the work | the job |
| --- | --- |
| returns a `JobEnd` | ends so |
| returns a `JobPause` | continues after a later dispatch |
| returns None | was ended by the transaction that did the work (`JobRun.complete`) |
| raises a `DomainError` | fails for good with that text: a person has to change something |
| raises `JobAbortedError` | is aborted, as a user asked |
| raises `JobRetryError` | is tried again later, or fails after its last attempt |
| raises `JobLostError` | belongs to another worker by now: nothing is written |
| raises anything else, errors of the database included | keeps the text and is tried again later, dead-lettered after \
`MAX_JOB_ERRORS`; the error is raised again, after the other jobs of the message had their turn |
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.core.base import parse_id
from models.core.log_context import bind_log_fields, log_fields
from models.core.paths import storable_text
from models.core.sessions import Sessions, describe_failure, transact
from models.core.timing import Timing
from models.core.tracing import span
from models.queues.job import JOB_QUEUE, NO_PROGRESS, JobClaim, JobStatus, Progress, record_job_message
from models.queues.notify import Notifier, leave_to_beat
from services.core.actors import find_actor
from services.core.errors import DomainError, PermissionDenied
from services.core.lease_heartbeat import lease_heartbeat

log = logging.getLogger(__name__)


class JobLostError(Exception):
    """The lease was lost: another worker holds the job, or a user paused, restarted or deleted it. Nothing more may be
    written."""


class JobAbortedError(Exception):
    """A user asked the job to stop; the text says what was done until then."""


class JobRetryError(Exception):
    """An expected obstacle, such as a file that changed while it was read: the job starts over later."""

    def __init__(self, reason: str, most: int | None = None) -> None:
        """`most` limits the attempts: then the job fails."""
        super().__init__(reason)
        self.most = most


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ends."""

    message: str
    status: JobStatus = JobStatus.FINISHED
    error: str | None = None
    """If it failed without one, its message is its error."""


@dataclass(frozen=True, slots=True)
class JobPause:
    """The job continues after the next dispatch, no sooner than in `seconds`."""

    message: str | None = None
    seconds: float = 0.0


JobOutcome = JobEnd | JobPause | None


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a claimed job."""

    sessions: Sessions
    timing: Timing
    claim: JobClaim

    def save(self, session: Session, progress: Progress = NO_PROGRESS) -> bool:
        """Renew the lease and write progress, in the transaction of the work; return whether a user asked to stop.

        Raises:
            JobLostError: the lease was lost; the transaction must roll back.
        """
        held = JOB_QUEUE.heartbeat(session, [self.claim], self.timing, **progress._asdict())
        if self.claim.id not in held:
            raise JobLostError(f"job {self.claim.id} was taken, paused or restarted while it ran")
        return held[self.claim.id]

    def heartbeat(self, session: Session, progress: Progress = NO_PROGRESS, stopped: str = "stopped") -> None:
        """Do the same, and raise JobAbortedError with the text `stopped` if a user asked the job to stop."""
        if self.save(session, progress):
            raise JobAbortedError(stopped)

    def keep_lease(self) -> AbstractContextManager[None]:
        """Renew the lease from a thread during a step that takes long; the next step finds out if it was lost."""
        values = NO_PROGRESS._asdict()
        return lease_heartbeat(
            self.sessions,
            lambda session: JOB_QUEUE.heartbeat(session, [self.claim], self.timing, **values),
            self.timing,
        )

    def find_requester(self, session: Session) -> Actor:
        """Return the user who asked for the job, with present rights.

        Raises:
            PermissionDenied: that user may not sign in any more.
        """
        actor = find_actor(session, self.claim.created_by) if self.claim.created_by else None
        if actor is None:
            raise PermissionDenied("the user who requested this may not sign in any more")
        return actor

    def complete(self, session: Session, end: JobEnd) -> None:
        """End the job in the transaction of its work."""
        error = end.error or (end.message if end.status is JobStatus.FAILED else None)
        message = storable_text(end.message)
        JOB_QUEUE.complete(session, [self.claim], error, status=end.status.value, message=message)

    def fail(self, session: Session, error: str) -> None:
        """Release the job after an error: retried with backoff, dead-lettered after MAX_JOB_ERRORS attempts."""
        JOB_QUEUE.retry(session, [self.claim], [error])


@dataclass(frozen=True, slots=True)
class JobKind:
    """The jobs of one task, and the function that does their work."""

    task: str
    work: Callable[[JobRun], JobOutcome]

    def run(
        self, sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing, notify: Notifier = leave_to_beat
    ) -> dict[uuid.UUID, JobOutcome]:
        """Run those of these jobs that can be claimed; return their outcomes, None for those without one.

        The indexer is notified of what they changed, and this task of jobs that paused only to let other work in.

        Raises:
            Exception: the first unexpected error, after all jobs had their turn.
        """
        outcomes: dict[uuid.UUID, JobOutcome] = {}
        errors: list[Exception] = []
        for job_id in job_ids:
            # One by one: a lease must not run while the jobs before it do.
            for claim in transact(sessions, JOB_QUEUE.claim, timing, ids=[job_id], task=self.task):
                try:
                    outcomes[claim.id] = self.run_claimed(JobRun(sessions, timing, claim))
                except Exception as error:
                    outcomes[claim.id] = None
                    errors.append(error)
        if outcomes:
            notify("index.drain", ())
        if more := [job_id for job_id, outcome in outcomes.items() if outcome == JobPause()]:
            notify(self.task, more)
        if errors:
            raise errors[0]
        return outcomes

    def run_claimed(self, run: JobRun) -> JobOutcome:
        """Do the work of a claimed job and write its outcome."""
        with _job_context(run.claim):
            _record_message(run)
            outcome: JobOutcome
            try:
                outcome = self.work(run)
            except JobAbortedError as aborted:
                outcome = JobEnd(str(aborted), JobStatus.ABORTED)
            except DomainError as refusal:
                outcome = JobEnd(str(refusal), JobStatus.FAILED)
            except JobRetryError as obstacle:
                outcome = _retry(run, obstacle)
            except JobLostError:
                raise
            except Exception as error:
                transact(run.sessions, run.fail, describe_failure(error))
                raise
            _write_outcome(run, outcome)
            return outcome
        return None


@contextmanager
def _job_context(claim: JobClaim) -> Iterator[None]:
    """Set the log context and open a trace span for work on one job.

    A lost lease ends the block quietly: the job belongs to another worker now.
    """
    followed = span("job", [claim.trace], task=claim.task, job_id=claim.id, attempt=claim.attempt)
    with bind_log_fields(job_id=claim.id, job=claim.title), followed:
        try:
            yield
        except JobLostError as lost:
            log.info("%s", lost)


def _record_message(run: JobRun) -> None:
    """Record which Celery task runs the job, for people who come from Flower; often it has the job's id itself."""
    message_id = parse_id(log_fields().get("task_id"))
    if message_id is not None and message_id != run.claim.id:
        transact(run.sessions, record_job_message, run.claim.id, message_id)


def _retry(run: JobRun, obstacle: JobRetryError) -> JobOutcome:
    log.warning("job %s: %s", run.claim.id, obstacle)
    if obstacle.most is not None and run.claim.attempt >= obstacle.most:
        return JobEnd(str(obstacle), JobStatus.FAILED)
    transact(run.sessions, run.fail, str(obstacle))
    return None


def _write_outcome(run: JobRun, outcome: JobOutcome) -> None:
    if isinstance(outcome, JobEnd):
        transact(run.sessions, run.complete, outcome)
    elif isinstance(outcome, JobPause):
        transact(run.sessions, JOB_QUEUE.release, [run.claim], outcome.seconds, message=outcome.message)


BatchCursor = dict[str, Any]
"""Where the next batch begins, as stored in the job; empty at the start."""
BatchFunction = Callable[[Session, JobRun, BatchCursor], tuple[int, BatchCursor | None]]
"""Process one batch; returns the number of rows and the next cursor, or None when nothing is left."""


def batches(
    batch: BatchFunction, noun: str = "", describe: Callable[[int, BatchCursor], JobEnd] | None = None
) -> Callable[[JobRun], JobOutcome]:
    """Build the work of a job that is done in batches of rows: each is one fenced transaction that stores the cursor.

    Args:
        batch: processes one batch.
        noun: what the rows are, with a verb: "objects were restored".
        describe: instead of `noun`: the end of the job from the number of rows and the last cursor.
    """

    def work(run: JobRun) -> JobOutcome:
        place, done = run.claim.kept, run.claim.processed
        following: BatchCursor | None = place
        end = describe or (lambda count, _: JobEnd(f"{count} {noun}"))
        while following is not None:
            place = following
            count, following = transact(run.sessions, _run_fenced_batch, run, batch, place, done, end)
            done += count
        return end(done, place)

    return work


def _run_fenced_batch(
    session: Session,
    run: JobRun,
    batch: BatchFunction,
    place: BatchCursor,
    done: int,
    end: Callable[[int, BatchCursor], JobEnd],
) -> tuple[int, BatchCursor | None]:
    """Run one batch under the lease: the job's row stays locked until the batch is committed."""
    run.heartbeat(session, stopped=f"stopped; {end(done, place).message}")
    count, following = batch(session, run, place)
    processed, kept = done + count, json.dumps({"place": following})
    run.save(session, Progress(processed, max(processed, run.claim.total), details=kept))
    return count, following
