"""Jobs: work that users can see, stop and restart, and the queue of those that Tapeless runs. Each is a row before any
message is sent for it.

1. A row is READY; the sweep dispatches it (`handed_until`) and sends its task a message with its id.
2. The task claims it: STARTED. Each short transaction of its work renews the lease and writes progress.
3. It releases the job to continue later, or completes it; both reset the attempt.
4. A worker that dies leaves its attempt behind: the next claim counts a crash, and after `MAX_JOB_CRASHES` the job is
   dead-lettered.

Transcodes take long: a message has a worker claim the one that waits longest, instead of one message for each of a
hundred long jobs, repeated while they wait."""

import socket
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import Base, DefaultNow, IdMixin, TextEnum, TimestampsMixin, checked_text
from models.core.paths import storable_text
from models.core.timing import Timing
from models.core.tracing import CURRENT_TRACE_SQL
from models.queues.leased_queue import (
    DROP_LEASE,
    IS_DUE,
    IS_UNLEASED,
    SKIP_LOCKED,
    Lease,
    LeasedQueue,
    LeasedQueueMixin,
    QueuePolicy,
)


class JobStatus(TextEnum):
    ABORTED = "ABORTED"
    ABORT_PENDING = "ABORT_PENDING"
    DISCARDED = "DISCARDED"
    FAILED = "FAILED"
    FINISHED = "FINISHED"
    FINISHED_WITH_WARNING = "FINISHED_WITH_WARNING"
    PAUSED = "PAUSED"
    PENDING_USER = "PENDING_USER"
    READY = "READY"
    SKIPPED = "SKIPPED"
    STARTED = "STARTED"
    WAITING = "WAITING"


class Job(LeasedQueueMixin, IdMixin, TimestampsMixin, Base):
    """`type` is iconik's name for users and clients, `task` the Celery task that claims the job by id."""

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "ix_job_waiting",
            "queue",
            "priority",
            "id",
            postgresql_where=text("status IN ('READY', 'STARTED')"),
        ),
        Index(None, "message_id", postgresql_where=text("message_id IS NOT NULL")),
        Index("ix_job_failed", "completed_at", postgresql_where=text("status = 'FAILED'")),
        Index(None, "object_id", postgresql_where=text("object_id IS NOT NULL")),
    )

    type: Mapped[str]
    custom_type: Mapped[str | None]
    title: Mapped[str]
    status: Mapped[JobStatus] = mapped_column(checked_text(JobStatus), server_default="READY")
    queue: Mapped[str] = mapped_column(server_default="maintenance")
    task: Mapped[str | None]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Data stored by the system that created a CUSTOM job: metadata, job_context, related_objects."""
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    object_type: Mapped[str | None]
    object_id: Mapped[uuid.UUID | None]
    priority: Mapped[int] = mapped_column(server_default="5")
    progress_processed: Mapped[int] = mapped_column(server_default="0")
    progress_total: Mapped[int] = mapped_column(server_default="0")
    message: Mapped[str] = mapped_column(server_default="")
    error_message: Mapped[str | None]
    created_by: Mapped[uuid.UUID | None]
    dispatched_until: Mapped[datetime | None] = mapped_column("handed_until")
    crashes: Mapped[int] = mapped_column(server_default="0")
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    message_id: Mapped[uuid.UUID | None]
    """Id of the Celery task that ran it last, as Flower shows it, if that is not the job's own id."""
    trace: Mapped[str | None] = mapped_column(default=text(CURRENT_TRACE_SQL))
    """W3C traceparent of the request or work that created it; null unless tracing is on."""


class StepStatus(TextEnum):
    DONE = "DONE"
    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    SKIPPED = "SKIPPED"
    WAITING = "WAITING"


class JobStep(IdMixin, Base):
    """One step; `position` keeps the reported order."""

    __tablename__ = "job_step"

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    label: Mapped[str]
    status: Mapped[StepStatus] = mapped_column(checked_text(StepStatus), server_default="WAITING")
    message: Mapped[str | None]
    error_message: Mapped[str | None]
    date_updated: Mapped[DefaultNow]


MAX_JOB_CRASHES = 3
MAX_JOB_ERRORS = 8
MAX_DISPATCHED_JOBS = 100
TRANSCODE_QUEUE = "transcode"
TRANSCODE_TASK = "transcode.run"
TRANSCODE_CLAIM_LOCK = 7_411_034

IS_RUNNABLE = f"job.task IS NOT NULL AND job.status IN ('READY', 'STARTED') AND {IS_DUE}"
IS_DISPATCHABLE = f"{IS_RUNNABLE} AND (handed_until IS NULL OR handed_until <= now()) AND task <> '{TRANSCODE_TASK}'"
IS_UNLEASED_ABORT = f"status = 'ABORT_PENDING' AND task IS NOT NULL AND {IS_UNLEASED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobClaim(Lease):
    """A leased job as of its claim."""

    title: str
    object_id: uuid.UUID | None
    arguments: dict[str, Any]
    details: dict[str, Any]
    processed: int
    total: int
    task: str
    created_by: uuid.UUID | None
    """The user who asked for it."""
    date_created: datetime
    trace: str | None
    """Trace context of the request that created the job, if traced."""

    @property
    def kept(self) -> dict[str, Any]:
        """Return what an earlier run kept to continue from: nothing if a user restarted the job, which resets its
        progress."""
        return (self.details.get("place", self.details) or {}) if self.processed else {}


class Progress(NamedTuple):
    """What one step writes to its job's row; None leaves a column unchanged."""

    processed: int | None = None
    total: int | None = None
    message: str | None = None
    details: str = "{}"
    """JSON object that is merged into the job's details."""


NO_PROGRESS = Progress()
JOB_QUEUE = LeasedQueue(
    table="job",
    noun="job",
    plural="jobs",
    task="",
    celery_queue="",
    error="error_message",
    title="work.title",
    is_pending="status IN ('READY', 'STARTED') AND task IS NOT NULL AND parked_at IS NULL",
    pending_since="greatest(not_before, date_created)",
    is_dispatched=True,
    waits=f"EXISTS (SELECT FROM job WHERE {IS_DISPATCHABLE}) OR EXISTS (SELECT FROM job WHERE {IS_UNLEASED_ABORT})",
    is_overdue="true",
    is_expired="""completed_at < now() - make_interval(days => :days) AND parked_at IS NULL
        AND NOT EXISTS (SELECT FROM job AS child WHERE child.parent_id = job.id)""",
    policy=QueuePolicy(max_tries=MAX_JOB_ERRORS),
    lease=JobClaim,
    candidates=f"""
        SELECT id FROM job WHERE id = ANY(:ids) AND task = :task AND {IS_RUNNABLE} ORDER BY id {SKIP_LOCKED}
    """,
    returning=""", title, object_id, arguments, details, progress_processed AS processed, progress_total AS total, task,
        created_by, date_created, trace""",
    is_stopped="work.status = 'ABORT_PENDING'",
    # An attempt that is still above 0 beside an expired lease means that its worker died: only then is a crash counted.
    claimed=""", status = 'STARTED', handed_until = NULL, started_at = coalesce(started_at, now()),
        crashes = crashes + CASE WHEN attempt > 0 AND lease_until IS NOT NULL THEN 1 ELSE 0 END, date_modified = now()
    """,
    renewed=""", message = coalesce(:message, message), details = details || CAST(:details AS jsonb),
        progress_processed = coalesce(:processed, progress_processed),
        progress_total = coalesce(:total, progress_total), date_modified = now()""",
    completed="""status = :status, message = :message, error_message = reason, completed_at = now(),
        handed_until = NULL, attempt = 0, crashes = 0, date_modified = now()""",
    released="""attempt = 0, crashes = 0, error_message = NULL, message = coalesce(:message, message),
        date_modified = now()""",
    failed=", date_modified = now()",
    is_crashed=f"crashes >= {MAX_JOB_CRASHES} AND lease_until <= now()",
    crash_reason="'its worker died ' || crashes || ' times while it ran'",
    discarded=f"status = 'DISCARDED', completed_at = now(), handed_until = NULL, {DROP_LEASE}, date_modified = now()",
    requeued=f"""status = 'READY', attempt = 0, crashes = 0, progress_processed = 0, started_at = NULL,
        completed_at = NULL, not_before = now(), handed_until = NULL, {DROP_LEASE}, date_modified = now()""",
)

DISPATCH_JOBS = text(f"""
    UPDATE job SET handed_until = now() + make_interval(secs => :dispatch_timeout)
    WHERE id IN (SELECT id FROM job WHERE {IS_DISPATCHABLE} ORDER BY priority, id LIMIT :most {SKIP_LOCKED})
    RETURNING id, task
""")

COMPLETE_ABORTED_JOBS = text(f"""
    UPDATE job SET status = 'ABORTED', completed_at = now(), date_modified = now(), {DROP_LEASE}
    WHERE {IS_UNLEASED_ABORT}
""")


RECORD_MESSAGE = text("UPDATE job SET message_id = :message WHERE id = :job")
RECORD_TRANSCODE_OBSTACLE = text(f"""
    UPDATE job SET message = :obstacle, date_modified = now()
    WHERE task = '{TRANSCODE_TASK}' AND {JOB_QUEUE.is_pending} AND lease_until IS NULL
        AND message IS DISTINCT FROM :obstacle
""")


def dispatch_jobs(session: Session, timing: Timing) -> list[tuple[str, uuid.UUID]]:
    """Mark due jobs as dispatched and return (task, id) of each, to be sent as messages.

    Also completes aborts that no worker holds, and dead-letters jobs after too many crashes of their workers.
    """
    session.execute(COMPLETE_ABORTED_JOBS)
    JOB_QUEUE.dead_letter_crashed(session)
    limits = {"dispatch_timeout": timing.dispatch_timeout_seconds, "most": MAX_DISPATCHED_JOBS}
    return [(row.task, row.id) for row in session.execute(DISPATCH_JOBS, limits)]


# Transcodes of the same rendition never overlap: the later one reads the newer files.
IS_WAITING_TRANSCODE = f"""
    job.queue = '{TRANSCODE_QUEUE}' AND job.task = '{TRANSCODE_TASK}' AND {IS_RUNNABLE}
    AND NOT EXISTS (
        SELECT FROM job AS other WHERE other.task = job.task AND other.id <> job.id AND other.lease_until > now()
            AND other.object_id = job.object_id
            AND other.arguments ->> 'format_id' = job.arguments ->> 'format_id'
            AND other.arguments ->> 'profile' = job.arguments ->> 'profile'
    )
"""
NEXT_TRANSCODE = f"""
    SELECT id FROM job WHERE {IS_WAITING_TRANSCODE} AND :at_once > (
        SELECT count(*) FROM job AS here WHERE here.queue = '{TRANSCODE_QUEUE}' AND here.task = '{TRANSCODE_TASK}'
            AND here.status = 'STARTED' AND here.lease_until > now() AND split_part(here.lease_owner, ':', 1) = :host)
        AND NOT EXISTS (
            SELECT FROM file_set WHERE file_set.format_id = CAST(job.arguments ->> 'format_id' AS uuid)
                AND file_set.storage_id = ANY(CAST(:unseen AS uuid[])))
    ORDER BY priority, id LIMIT :most FOR UPDATE OF job SKIP LOCKED
"""
HAS_WAITING_TRANSCODE = text(f"SELECT EXISTS (SELECT FROM job WHERE {IS_WAITING_TRANSCODE})")


def is_transcode_waiting(session: Session) -> bool:
    """Return whether a transcode can be claimed now."""
    return bool(session.scalar(HAS_WAITING_TRANSCODE))


def claim_next_transcode(
    session: Session, timing: Timing, at_once: int, unseen: Collection[uuid.UUID] = ()
) -> JobClaim | None:
    """Claim the next transcode, unless `at_once` run on this machine already; those of files on storages that it does
    not see are left to others."""
    # Serialises claims: without it, two workers of one machine would both count the running jobs and exceed the limit.
    session.execute(select(func.pg_advisory_xact_lock(TRANSCODE_CLAIM_LOCK)))
    asked = {"at_once": at_once, "host": socket.gethostname(), "unseen": list(unseen)}
    found = JOB_QUEUE.claim(session, timing, 1, NEXT_TRANSCODE, **asked)
    return next(iter(found), None)


def record_job_message(session: Session, job_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """Record which Celery task runs a job."""
    session.execute(RECORD_MESSAGE, {"job": job_id, "message": message_id})


def record_transcode_obstacle(session: Session, obstacle: str) -> None:
    """Record on all waiting transcodes why a worker cannot take them."""
    session.execute(RECORD_TRANSCODE_OBSTACLE, {"obstacle": storable_text(obstacle)})


def insert_job(session: Session, values: Mapping[str, Any]) -> bool:
    """Insert a job under the id of the caller; return False if that id is taken."""
    inserted = insert(Job).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(Job.id)
    return session.scalar(inserted) is not None


TRANSCODE_ESTIMATE = text(f"""
    SELECT (SELECT count(*) FROM job
        WHERE task = '{TRANSCODE_TASK}' AND status IN ('READY', 'STARTED') AND parked_at IS NULL AND id <> :job
            AND (status = 'STARTED' OR (priority, id) < (:priority, :job))),
        (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at)) FROM (
            SELECT started_at, completed_at FROM job
            WHERE task = '{TRANSCODE_TASK}' AND status IN ('FINISHED', 'FINISHED_WITH_WARNING')
                AND started_at IS NOT NULL
            ORDER BY id DESC LIMIT 20
        ) AS recent)
""")


def estimate_transcodes(session: Session, job: Job) -> tuple[int, float | None]:
    """Return how many transcodes run or are claimed before this one, and the median seconds of the last ones."""
    ahead, seconds = session.execute(TRANSCODE_ESTIMATE, {"priority": job.priority, "job": job.id}).one()
    return ahead, None if seconds is None else float(seconds)
