"""Jobs: work that users can see, stop and restart. Each is a row before any message is sent for it."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, DefaultNow, IdMixin, TextEnum, TimestampsMixin, checked_text
from models.core.tracing import CURRENT_TRACE_SQL
from models.queues.leased_queue import LeasedQueueMixin


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
