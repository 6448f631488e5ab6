"""Request bodies and serialisers of jobs and their steps."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.routes.jobs.answers import JobAnswer, JobStepAnswer
from asgi.body_base import Body, Count, JsonObject, KeyText, LongText, ShortText
from asgi.rendering import format_datetime, optional_id
from models.queues.job import Job, JobStatus, JobStep, StepStatus
from services.jobs.actions import JobAction
from services.jobs.jobs import MAX_JOBS_PER_REQUEST

JOB_DETAIL_FIELDS = ("metadata", "job_context", "related_objects")
JobIds = Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_JOBS_PER_REQUEST)]
JobPriority = Annotated[int, Field(ge=0, le=10)]


class JobRelatedObjectBody(Body):
    object_id: UUID
    object_type: ShortText


class JobStepChangeBody(Body):
    label: ShortText | None = None
    status: StepStatus | None = None
    message: LongText | None = None
    error_message: LongText | None = None
    nullable = frozenset({"message", "error_message"})


class JobStepBody(JobStepChangeBody):
    id: UUID | None = None
    label: ShortText
    status: StepStatus

    def new_step(self) -> JobStep:
        """Return the step to create."""
        return JobStep(label=self.label, status=self.status, message=self.message, error_message=self.error_message)


class JobStepsBody(Body):
    steps: Annotated[list[JobStepBody], Field(fail_fast=True, max_length=1000)]


class JobChangeBody(Body):
    title: ShortText | None = None
    type: KeyText | None = None
    status: JobStatus | None = None
    custom_type: ShortText | None = None
    object_type: ShortText | None = None
    object_id: UUID | None = None
    parent_id: UUID | None = None
    priority: JobPriority | None = None
    message: LongText | None = None
    error_message: LongText | None = None
    progress: Annotated[int, Field(ge=0, le=100)] | None = None
    progress_processed: Count | None = None
    progress_total: Count | None = None
    metadata: JsonObject | None = None
    job_context: JsonObject | None = None
    related_objects: Annotated[list[JobRelatedObjectBody], Field(fail_fast=True, max_length=1000)] | None = None
    steps: Annotated[list[JobStepBody], Field(fail_fast=True, max_length=1000)] | None = None
    nullable = frozenset({"custom_type", "error_message"})

    def changes(self) -> dict[str, Any]:
        """Return the columns to set. A percentage without counts becomes a count out of 100."""
        sent = super().changes()
        values = {name: value for name, value in sent.items() if name not in (*JOB_DETAIL_FIELDS, "steps")}
        progress = values.pop("progress", None)
        if progress is not None and "progress_total" not in values and "progress_processed" not in values:
            values |= {"progress_processed": progress, "progress_total": 100}
        return values

    def details(self) -> dict[str, Any]:
        """Return the data that the job's own system stores with it, as JSON."""
        return self.model_dump(
            mode="json", include={name for name in JOB_DETAIL_FIELDS if name in self.model_fields_set}
        )


class JobBody(JobChangeBody):
    title: ShortText
    type: KeyText


class JobPriorityBody(Body):
    job_ids: JobIds
    priority: JobPriority


class JobStateBody(Body):
    job_ids: JobIds
    action: JobAction


class JobIdsBody(Body):
    job_ids: JobIds | None = None


def serialize_job_step(step: JobStep) -> JobStepAnswer:
    """Serialise a step."""
    return {
        "id": str(step.id),
        "label": step.label,
        "status": step.status,
        "message": step.message,
        "error_message": step.error_message,
        "date_updated": format_datetime(step.date_updated),
    }


def serialize_job_row(job: Job, steps: Sequence[JobStep], *, has_children: bool) -> JobAnswer:
    """Serialise a job; `arguments` and leases are internal."""
    total = job.progress_total
    progress = min(100, job.progress_processed * 100 // total) if total else (100 if job.status == "FINISHED" else 0)
    return {
        "id": str(job.id),
        "title": job.title,
        "type": job.type,
        "custom_type": job.custom_type,
        "status": job.status,
        "object_type": job.object_type,
        "object_id": optional_id(job.object_id),
        "parent_id": optional_id(job.parent_id),
        "has_children": has_children,
        "priority": job.priority,
        "progress": progress,
        "progress_processed": job.progress_processed,
        "progress_total": total,
        "message": job.message,
        "error_message": job.error_message,
        "created_by": optional_id(job.created_by),
        "metadata": job.details.get("metadata") or {},
        "job_context": job.details.get("job_context") or {},
        "related_objects": job.details.get("related_objects") or [],
        "steps": [serialize_job_step(step) for step in steps],
        "date_created": format_datetime(job.date_created),
        "date_modified": format_datetime(job.date_modified),
        "started_at": format_datetime(job.started_at),
        "completed_at": format_datetime(job.completed_at),
    }
