"""Jobs: list, create for other systems, update with steps, abort, pause, resume and restart."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select

from api.call import Answer, Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.routing import Service
from api.services.job_bodies import (
    JobBody,
    JobChangeBody,
    JobIdsBody,
    PriorityBody,
    StateBody,
    StepChangeBody,
    StepsBody,
    job_body,
)
from models.job import Job
from tasks.job_actions import act, delete_jobs, set_priority
from tasks.jobs import (
    MOST_AT_ONCE,
    NewJob,
    change_job,
    create_job,
    find_job,
    parents_among,
    patch_step,
    put_steps,
    steps_of,
    visible_to,
)
from tasks.refusals import Invalid

routes = Service("jobs")
COLUMNS = {
    "id": Job.id,
    "type": Job.type,
    "title": Job.title,
    "status": Job.status,
    "priority": Job.priority,
    "object_type": Job.object_type,
    "object_id": Job.object_id,
    "parent_id": Job.parent_id,
    "created_by": Job.created_by,
    "date_created": Job.date_created,
    "date_modified": Job.date_modified,
    "started_at": Job.started_at,
    "completed_at": Job.completed_at,
}


def many(call: Call, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Serialise jobs with their steps, in two queries."""
    ids = [job.id for job in jobs]
    steps, parents = steps_of(call.session, ids), parents_among(call.session, ids)
    return [job_body(job, steps[job.id], has_children=job.id in parents) for job in jobs]


def one(call: Call, job: Job) -> dict[str, Any]:
    """Serialise one job with its steps."""
    return many(call, [job])[0]


@routes.post("/jobs/")
def post_job(call: Call, body: JobBody) -> dict[str, Any]:
    """Create a job that another system runs."""
    new = NewJob(body.values(), body.details(), [step.new_step() for step in body.steps or ()])
    return one(call, create_job(call.session, new, call.actor))


def chosen(call: Call, wanted: dict[str, str], query: str) -> Select[Any]:
    """Select jobs that the caller may see, filtered by values and text."""
    found = matching(select(Job).where(visible_to(call.actor)), COLUMNS, wanted)
    if query:
        found = found.where(or_(*(c.icontains(query, autoescape=True) for c in (Job.title, Job.message))))
    return found


@routes.get("/jobs/")
def get_jobs(
    call: Call,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    type: str = "",
    status: str = "",
    object_type: str = "",
    object_id: str = "",
    parent_id: str = "",
    created_by: str = "",
    ids: str = "",
    query: str = "",
) -> dict[str, Any]:
    """List the jobs that the caller may see, newest first."""
    wanted = {"type": type, "status": status, "object_type": object_type, "object_id": object_id, "id": ids}
    found = chosen(call, {**wanted, "parent_id": parent_id, "created_by": created_by}, query)
    return paged(call, ordered(found, sort, COLUMNS, Job.id.desc()), page, per_page, lambda rows: many(call, rows))


@routes.get("/jobs/{job_id}/")
def get_job(call: Call, job_id: UUID) -> dict[str, Any]:
    """Return one job."""
    return one(call, find_job(call.session, call.actor, job_id))


@routes.patch("/jobs/{job_id}/")
def patch_job(call: Call, job_id: UUID, body: JobChangeBody, merge_metadata: bool = False) -> dict[str, Any]:
    """Change the fields that were sent."""
    job = change_job(call.session, job_id, body.values(), body.details(), call.actor, merges=merge_metadata)
    if body.steps:
        put_steps(call.session, job_id, [step.new_step() for step in body.steps], call.actor)
    return one(call, job)


@routes.put("/jobs/{job_id}/")
def put_job(call: Call, job_id: UUID, body: JobBody, merge_metadata: bool = False) -> dict[str, Any]:
    """Change the fields that were sent; absent fields stay."""
    return patch_job(call, job_id, body, merge_metadata)


@routes.delete("/jobs/{job_id}/")
def delete_job(call: Call, job_id: UUID) -> None:
    """Delete a job with its children."""
    delete_jobs(call.session, [job_id], call.actor)


@routes.put("/jobs/{job_id}/steps/")
def put_job_steps(call: Call, job_id: UUID, body: StepsBody) -> dict[str, Any]:
    """Replace all steps."""
    return one(call, put_steps(call.session, job_id, [step.new_step() for step in body.steps], call.actor))


@routes.patch("/jobs/{job_id}/steps/")
def patch_job_steps(call: Call, job_id: UUID, body: StepsBody) -> dict[str, Any]:
    """Change the fields that were sent of the steps with these ids."""
    for step in body.steps:
        if step.id is None:
            raise Invalid("steps", "each step is named by its id")
        values = {name: value for name, value in step.values().items() if name != "id"}
        patch_step(call.session, job_id, step.id, values, call.actor)
    return get_job(call, job_id)


@routes.patch("/jobs/{job_id}/steps/{job_step_id}/")
def patch_job_step(call: Call, job_id: UUID, job_step_id: UUID, body: StepChangeBody) -> dict[str, Any]:
    """Change the fields that were sent of one step."""
    return one(call, patch_step(call.session, job_id, job_step_id, body.values(), call.actor))


@routes.put("/jobs/priority/")
def put_jobs_priority(call: Call, body: PriorityBody) -> dict[str, Any]:
    """Set the priority of jobs; a smaller number runs earlier."""
    set_priority(call.session, body.job_ids, body.priority, call.actor)
    return {"job_ids": [str(job_id) for job_id in body.job_ids], "priority": body.priority}


@routes.put("/jobs/state/")
def put_jobs_state(call: Call, body: StateBody) -> dict[str, Any]:
    """Abort, pause, resume or restart jobs."""
    for job in act(call.session, body.job_ids, body.action, call.actor):
        call.ring(job.task or "", [job.id])
    return {}


@routes.patch("/jobs/", status=202)
def patch_jobs(
    call: Call,
    body: JobChangeBody,
    ids: str = "",
    type: str = "",
    status: str = "",
    object_id: str = "",
    parent_id: str = "",
    created_by: str = "",
    query: str = "",
    merge_metadata: bool = False,
) -> Answer:
    """Change every job that the query matches; finished when the response arrives."""
    wanted = {"id": ids, "type": type, "status": status, "object_id": object_id}
    for job_id in named(call, {**wanted, "parent_id": parent_id, "created_by": created_by}, query):
        change_job(call.session, job_id, body.values(), body.details(), call.actor, merges=merge_metadata)
    return Answer(202, {"job_id": None})


@routes.delete("/jobs/")
def delete_many_jobs(
    call: Call,
    body: JobIdsBody | None = None,
    ids: str = "",
    type: str = "",
    status: str = "",
    object_id: str = "",
    parent_id: str = "",
    created_by: str = "",
    query: str = "",
) -> None:
    """Delete the jobs with these ids, or all that the query matches."""
    if body and body.job_ids:
        delete_jobs(call.session, body.job_ids, call.actor)
        return
    wanted = {"id": ids, "type": type, "status": status, "object_id": object_id}
    delete_jobs(
        call.session, named(call, {**wanted, "parent_id": parent_id, "created_by": created_by}, query), call.actor
    )


def named(call: Call, wanted: dict[str, str], query: str) -> list[UUID]:
    """Return the ids of jobs that a query matches.

    Raises:
        ValidationFailed: the query has no condition, which would match all jobs, or matches too many.
    """
    if not query and not any(wanted.values()):
        raise Invalid("ids", "name the jobs by ids or by another condition")
    found = chosen(call, wanted, query).with_only_columns(Job.id).order_by(Job.id).limit(MOST_AT_ONCE + 1)
    job_ids = list(call.session.scalars(found))
    if len(job_ids) > MOST_AT_ONCE:
        raise Invalid("query", f"names more than {MOST_AT_ONCE} jobs; narrow it")
    return job_ids
