"""Jobs as users and other systems see them: create, follow, stop and restart.

A job with a `task` is run by Tapeless: only its worker reports progress; users stop or restart it. A job without one
belongs to another system, which reports everything about it; no worker claims it.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from models.access.acl import Actor, readable_by
from models.catalog.asset import ASSET_KIND, Asset
from models.core.base import new_id
from models.queues.job import Job, JobStatus, JobStep
from services.catalog.assets.assets import find_asset
from services.core.errors import Conflict, PermissionDenied, ValidationFailed, require_found, require_known
from services.core.rows import apply_changes, load, load_grouped

EXTERNAL_QUEUE = "external"
"""Queue name of jobs that other systems run; no worker consumes it."""
FINAL_JOB_STATUSES = frozenset(
    {
        JobStatus.ABORTED,
        JobStatus.DISCARDED,
        JobStatus.FAILED,
        JobStatus.FINISHED,
        JobStatus.FINISHED_WITH_WARNING,
        JobStatus.SKIPPED,
    }
)
JOB_TYPES = [
    "ACL",
    "ANALYZE",
    "ARCHIVE",
    "AUTOMATION",
    "CHANGE_PERSON",
    "COLLECTION_CUSTOM_ORDER",
    "CONFIRM_PERSON",
    "CONVERT_SAVED_SEARCH_TO_COLLECTION",
    "CONVERT_SEARCH_TO_COLLECTION",
    "COPY",
    "CUSTOM",
    "DELETE",
    "DELETE_JOBS",
    "DELETE_PERSON",
    "EDIT_JOBS",
    "EXPORT",
    "FACE_RECOGNITION",
    "KEYFRAMES",
    "MARK_MISSING",
    "MEDIAINFO",
    "METADATA",
    "METADATA_FILLING",
    "MOVE",
    "PUBLISH",
    "PUBLISH_SCHEDULED",
    "REINDEX",
    "REQUEST_APPROVAL",
    "REQUEST_COLLECTION_MAP",
    "RESTORE",
    "RESTORE_FROM_GLACIER",
    "REVIEW_REQUEST",
    "SCAN",
    "SET_APPROVAL",
    "STORAGE_GATEWAY_FILE_INGEST",
    "TRANSCODE",
    "TRANSCRIPTION",
    "TRANSFER",
]
MAX_JOBS_PER_REQUEST = 1000
MAX_DESCRIBED_JOBS = 5


def describe_jobs(session: Session, job_ids: Sequence[uuid.UUID]) -> str | None:
    """Return the state of jobs with their messages or errors, for Flower; None without any."""
    rows = session.scalars(select(Job).where(Job.id.in_(job_ids)).order_by(Job.id)).all()
    said = [f"{job.title} ({job.id}): {_describe_state(job)}" for job in rows[:MAX_DESCRIBED_JOBS]]
    return "; ".join(said + (["and more"] if len(rows) > MAX_DESCRIBED_JOBS else [])) or None


def _describe_state(job: Job) -> str:
    state = "dead-lettered" if job.dead_lettered_at else job.status.value
    reason = job.error_message or job.message
    return f"{state}: {reason}" if reason else state


def add_job(session: Session, task: str, job_type: str, title: str, actor: Actor | None, **columns: Any) -> Job:
    """Create a job that Tapeless runs by `task`, on the queue that the task's name begins with."""
    queue, created_by = task.partition(".")[0], actor.user_id if actor else None
    job = Job(id=new_id(), task=task, type=job_type, title=title, queue=queue, created_by=created_by, **columns)
    session.add(job)
    session.flush()
    return job


def job_visible_to(actor: Actor) -> ColumnElement[bool]:
    """Build the condition for jobs that the actor created, or that work on an asset it may read."""
    if actor.is_admin:
        return true()
    on_readable = exists().where(Asset.id == Job.object_id, readable_by(actor, ASSET_KIND, Asset.id))
    return or_(Job.created_by == actor.user_id, and_(Job.object_type == ASSET_KIND, on_readable))


def create_job(
    session: Session, values: Mapping[str, Any], details: Mapping[str, Any], steps: Sequence[JobStep], actor: Actor
) -> Job:
    """Create a job that another system runs."""
    refuse_unknown_job_type(values["type"])
    values = _resolve_references(session, values, actor)
    job = Job(id=new_id(), queue=EXTERNAL_QUEUE, created_by=actor.user_id, details=dict(details), **values)
    session.add(job)
    session.flush()
    set_job_times(job)
    _add_steps(session, job, steps)
    session.flush()
    return job


def _resolve_references(session: Session, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Return the columns with the id of the surviving asset; NotFound unless the actor sees the object and the parent.

    A job is shown to the readers of its asset and counts as a child of its parent, so that both have to be seen.
    """
    values = dict(values)
    if values.get("object_id") is not None and values.get("object_type") == ASSET_KIND:
        values["object_id"] = find_asset(session, actor, values["object_id"]).id
    if values.get("parent_id") is not None:
        find_job(session, actor, values["parent_id"])
    return values


REFERENCE_COLUMNS = ("object_type", "object_id", "parent_id")


def refuse_unknown_job_type(text: str) -> None:
    """Raise ValidationFailed for a type that iconik does not know: iconik clients would reject the whole list."""
    require_known("type", text, JOB_TYPES, "is not a type of job")


def find_job(session: Session, actor: Actor, job_id: uuid.UUID, *, lock: bool = False) -> Job:
    """Return a job that the actor may see."""
    query = select(Job).where(Job.id == job_id, job_visible_to(actor))
    job = session.scalar(query.with_for_update(of=Job) if lock else query)
    return require_found(job, "job", job_id)


def get_job_for_update(session: Session, actor: Actor, job_id: uuid.UUID) -> Job:
    """Return a job that the actor created, or any for administrators, locked."""
    job = find_job(session, actor, job_id, lock=True)
    if not actor.is_admin and job.created_by != actor.user_id:
        raise PermissionDenied(f'only its creator or an administrator may change the job "{job.title}"')
    return job


EDITABLE_JOB_FIELDS = frozenset({"title", "priority"})


def update_job(
    session: Session,
    job_id: uuid.UUID,
    values: Mapping[str, Any],
    details: Mapping[str, Any],
    actor: Actor,
    *,
    merges: bool = False,
) -> Job:
    """Update a job; of one that Tapeless runs, only title and priority."""
    job = get_job_for_update(session, actor, job_id)
    if any(name in values and values[name] != getattr(job, name) for name in REFERENCE_COLUMNS):
        whole = {name: getattr(job, name) for name in REFERENCE_COLUMNS} | dict(values)
        resolved = _resolve_references(session, whole, actor)
        values = {name: resolved[name] for name in values}
        if job.id == values.get("parent_id"):
            raise ValidationFailed("parent_id", f'the job "{job.title}" cannot be its own parent')
    changes = {name: value for name, value in values.items() if getattr(job, name) != value}
    if job.task is not None and not (changes.keys() <= EDITABLE_JOB_FIELDS and not details):
        raise Conflict(f'the job "{job.title}" is run by Tapeless; abort, pause or restart it with jobs/state')
    if "type" in changes:
        refuse_unknown_job_type(changes["type"])
    apply_changes(job, changes)
    if details:
        job.details = _merge_details(job.details, details) if merges else {**job.details, **details}
    if changes or details:
        set_job_times(job)
        job.date_modified = func.now()
        session.flush()
    return job


def _merge_details(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge new keys into the existing metadata instead of replacing it."""
    both = {**(before.get("metadata") or {}), **(given.get("metadata") or {})}
    return {**before, **given, "metadata": both}


def set_job_times(job: Job) -> None:
    """Set start and end times from the database clock; client-supplied times are ignored."""
    if job.status == JobStatus.STARTED and job.started_at is None:
        job.started_at = func.now()
    if job.status in FINAL_JOB_STATUSES and job.completed_at is None:
        job.completed_at = func.now()
    if job.status not in FINAL_JOB_STATUSES:
        job.completed_at = None


def replace_job_steps(session: Session, job_id: uuid.UUID, steps: Sequence[JobStep], actor: Actor) -> Job:
    """Replace all steps of an external job, in this order."""
    job = _get_external_job(session, job_id, actor)
    for step in load_job_steps(session, [job.id])[job.id]:
        session.delete(step)
    session.flush()
    _add_steps(session, job, steps)
    session.flush()
    return job


def _add_steps(session: Session, job: Job, steps: Sequence[JobStep]) -> None:
    for position, step in enumerate(steps):
        step.job_id, step.position = job.id, position
    session.add_all(steps)


def update_job_step(
    session: Session, job_id: uuid.UUID, step_id: uuid.UUID, values: Mapping[str, Any], actor: Actor
) -> Job:
    """Update one step of an external job."""
    job = _get_external_job(session, job_id, actor)
    step = load(session, JobStep, step_id, "job step", job_id=job.id)
    apply_changes(step, values)
    step.date_updated = func.now()
    session.flush()
    return job


def _get_external_job(session: Session, job_id: uuid.UUID, actor: Actor) -> Job:
    job = get_job_for_update(session, actor, job_id)
    if job.task is not None:
        raise Conflict(f'the job "{job.title}" is run by Tapeless and has no steps of others')
    return job


def load_job_steps(session: Session, job_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[JobStep]]:
    """Load the steps of many jobs in one query."""
    query = select(JobStep.job_id, JobStep).where(JobStep.job_id.in_(job_ids)).order_by(JobStep.position, JobStep.id)
    return load_grouped(session, query, job_ids)


def jobs_with_children(session: Session, job_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these jobs that have children."""
    return set(session.scalars(select(Job.parent_id).where(Job.parent_id.in_(job_ids)).distinct()))
