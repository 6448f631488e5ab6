"""Request bodies and serialisers of jobs and their steps."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body, Count, Name, Text
from api.rendering import key, stamp
from models.job import Job, JobStatus
from models.job_step import JobStep, StepStatus
from tasks.job_actions import Action
from tasks.jobs import MOST_AT_ONCE, NewStep

DETAILS = ("metadata", "job_context", "related_objects")
Ids = Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)]
Priority = Annotated[int, Field(ge=0, le=10)]


class RelatedObject(Body):
    object_id: UUID
    object_type: Name


class StepChangeBody(Body):
    label: Name | None = None
    status: StepStatus | None = None
    message: Text | None = None
    error_message: Text | None = None

    def values(self) -> dict[str, Any]:
        """Return the fields that were sent; nulls of label and status are dropped."""
        return {n: value for n, value in self.sent().items() if value is not None or n not in ("label", "status")}


class StepBody(StepChangeBody):
    id: UUID | None = None
    label: Name
    status: StepStatus

    def new_step(self) -> NewStep:
        """Return the step to create."""
        return NewStep(self.label, self.status, self.id, self.message, self.error_message)


class StepsBody(Body):
    steps: Annotated[list[StepBody], Field(max_length=1000)]


class JobChangeBody(Body):
    title: Name | None = None
    type: str | None = None
    status: JobStatus | None = None
    custom_type: Name | None = None
    object_type: Name | None = None
    object_id: UUID | None = None
    parent_id: UUID | None = None
    priority: Priority | None = None
    message: Text | None = None
    error_message: Text | None = None
    progress: Annotated[int, Field(ge=0, le=100)] | None = None
    progress_processed: Count | None = None
    progress_total: Count | None = None
    metadata: dict[str, Any] | None = None
    job_context: dict[str, Any] | None = None
    related_objects: Annotated[list[RelatedObject], Field(max_length=1000)] | None = None
    steps: Annotated[list[StepBody], Field(max_length=1000)] | None = None

    def values(self) -> dict[str, Any]:
        """Return the columns to set. A percentage without counts becomes a count out of 100."""
        sent = {name: value for name, value in self.sent().items() if name not in (*DETAILS, "steps")}
        values = {name: value for name, value in sent.items() if value is not None or name in NULLABLE}
        progress = values.pop("progress", None)
        if progress is not None and "progress_total" not in values and "progress_processed" not in values:
            values |= {"progress_processed": progress, "progress_total": 100}
        return values

    def details(self) -> dict[str, Any]:
        """Return the data that the job's own system stores with it, as JSON."""
        return self.model_dump(mode="json", include={name for name in DETAILS if name in self.model_fields_set})


class JobBody(JobChangeBody):
    title: Name
    type: str


class PriorityBody(Body):
    job_ids: Ids
    priority: Priority


class StateBody(Body):
    job_ids: Ids
    action: Action


class JobIdsBody(Body):
    job_ids: Ids | None = None


NULLABLE = frozenset({"custom_type", "error_message"})


def step_body(step: JobStep) -> dict[str, Any]:
    """Serialise a step."""
    return {
        "id": str(step.id),
        "label": step.label,
        "status": step.status,
        "message": step.message,
        "error_message": step.error_message,
        "date_updated": stamp(step.date_updated),
    }


def job_body(job: Job, steps: Sequence[JobStep], *, has_children: bool) -> dict[str, Any]:
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
        "object_id": key(job.object_id),
        "parent_id": key(job.parent_id),
        "has_children": has_children,
        "priority": job.priority,
        "progress": progress,
        "progress_processed": job.progress_processed,
        "progress_total": total,
        "message": job.message,
        "error_message": job.error_message,
        "created_by": key(job.created_by),
        "metadata": job.details.get("metadata") or {},
        "job_context": job.details.get("job_context") or {},
        "related_objects": job.details.get("related_objects") or [],
        "steps": [step_body(step) for step in steps],
        "date_created": stamp(job.date_created),
        "date_modified": stamp(job.date_modified),
        "started_at": stamp(job.started_at),
        "completed_at": stamp(job.completed_at),
    }
