"""Jobs: list, create for other systems, update with steps, abort, pause, resume and restart."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select

from api.routes.jobs.answers import JobAnswer, JobPriorityAnswer
from api.routes.jobs.bodies import (
    JobBody,
    JobChangeBody,
    JobIdsBody,
    JobPriorityBody,
    JobStateBody,
    JobStepChangeBody,
    JobStepsBody,
    serialize_job_row,
)
from asgi.answers import EmptyAnswer, JobIdAnswer, PageAnswer
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, filter_by_values, paginate, query_columns
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.core.statements import AnySelect
from models.queues.job import Job
from services.core.errors import ValidationFailed
from services.jobs.actions import apply_job_action, delete_jobs, set_job_priority
from services.jobs.jobs import (
    MAX_JOBS_PER_REQUEST,
    create_job,
    find_job,
    job_visible_to,
    jobs_with_children,
    load_job_steps,
    replace_job_steps,
    update_job,
    update_job_step,
)

routes = RouteGroup("jobs")
JOB_QUERY_COLUMNS = query_columns(
    Job.id,
    Job.type,
    Job.title,
    Job.status,
    Job.priority,
    Job.object_type,
    Job.object_id,
    Job.parent_id,
    Job.created_by,
    Job.date_created,
    Job.date_modified,
    Job.started_at,
    Job.completed_at,
)


def serialize_jobs(call: Call, jobs: Sequence[Job]) -> list[JobAnswer]:
    """Serialise jobs with their steps, in two queries."""
    ids = [job.id for job in jobs]
    steps, parents = load_job_steps(call.session, ids), jobs_with_children(call.session, ids)
    return [serialize_job_row(job, steps[job.id], has_children=job.id in parents) for job in jobs]


def serialize_job(call: Call, job: Job) -> JobAnswer:
    """Serialise one job with its steps."""
    return serialize_jobs(call, [job])[0]


@routes.post("/jobs/")
def post_job(call: Call, body: JobBody) -> JobAnswer:
    """Create a job that another system runs."""
    steps = [step.new_step() for step in body.steps or ()]
    return serialize_job(call, create_job(call.session, body.changes(), body.details(), steps, call.actor))


def filter_jobs(call: Call, wanted: dict[str, str], query: str) -> AnySelect:
    """Select jobs that the caller may see, filtered by values and text."""
    found = filter_by_values(select(Job).where(job_visible_to(call.actor)), JOB_QUERY_COLUMNS, wanted)
    if query:
        found = found.where(or_(*(c.icontains(query, autoescape=True) for c in (Job.title, Job.message))))
    return found


@routes.get("/jobs/")
def get_jobs(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    type: str = "",
    status: str = "",
    object_type: str = "",
    object_id: str = "",
    parent_id: str = "",
    created_by: str = "",
    ids: str = "",
    query: str = "",
) -> PageAnswer[JobAnswer]:
    """List the jobs that the caller may see, newest first."""
    wanted = {"type": type, "status": status, "object_type": object_type, "object_id": object_id, "id": ids}
    found = filter_jobs(call, {**wanted, "parent_id": parent_id, "created_by": created_by}, query)
    return paginate(
        call,
        apply_sort(found, sort, JOB_QUERY_COLUMNS, Job.id.desc()),
        page,
        per_page,
        serialize_jobs,
    )


@routes.get("/jobs/{job_id}/")
def get_job(call: Call, job_id: UUID) -> JobAnswer:
    """Return one job."""
    return serialize_job(call, find_job(call.session, call.actor, job_id))


@routes.put(
    "/jobs/{job_id}/",
    SharedEndpoint("put_job", "Change the fields that were sent; absent fields stay.", types={"body": JobBody}),
)
@routes.patch("/jobs/{job_id}/")
def patch_job(call: Call, job_id: UUID, body: JobChangeBody, merge_metadata: bool = False) -> JobAnswer:
    """Change the fields that were sent."""
    job = update_job(call.session, job_id, body.changes(), body.details(), call.actor, merges=merge_metadata)
    if body.steps:
        replace_job_steps(call.session, job_id, [step.new_step() for step in body.steps], call.actor)
    return serialize_job(call, job)


@routes.delete("/jobs/{job_id}/")
def delete_job(call: Call, job_id: UUID) -> None:
    """Delete a job with its children."""
    delete_jobs(call.session, [job_id], call.actor)


@routes.put("/jobs/{job_id}/steps/")
def put_job_steps(call: Call, job_id: UUID, body: JobStepsBody) -> JobAnswer:
    """Replace all steps."""
    return serialize_job(
        call, replace_job_steps(call.session, job_id, [step.new_step() for step in body.steps], call.actor)
    )


@routes.patch("/jobs/{job_id}/steps/")
def patch_job_steps(call: Call, job_id: UUID, body: JobStepsBody) -> JobAnswer:
    """Change the fields that were sent of the steps with these ids."""
    for step in body.steps:
        if step.id is None:
            raise ValidationFailed("steps", "each step is named by its id")
        values = {name: value for name, value in step.changes().items() if name != "id"}
        update_job_step(call.session, job_id, step.id, values, call.actor)
    return get_job(call, job_id)


@routes.patch("/jobs/{job_id}/steps/{job_step_id}/")
def patch_job_step(call: Call, job_id: UUID, job_step_id: UUID, body: JobStepChangeBody) -> JobAnswer:
    """Change the fields that were sent of one step."""
    return serialize_job(call, update_job_step(call.session, job_id, job_step_id, body.changes(), call.actor))


@routes.put("/jobs/priority/")
def put_jobs_priority(call: Call, body: JobPriorityBody) -> JobPriorityAnswer:
    """Set the priority of jobs; a smaller number runs earlier."""
    set_job_priority(call.session, body.job_ids, body.priority, call.actor)
    return {"job_ids": [str(job_id) for job_id in body.job_ids], "priority": body.priority}


@routes.put("/jobs/state/")
def put_jobs_state(call: Call, body: JobStateBody) -> EmptyAnswer:
    """Abort, pause, resume or restart jobs."""
    for job in apply_job_action(call.session, body.job_ids, body.action, call.actor):
        call.start_job(job)
    return {}


@routes.patch("/jobs/", status=202, never_gives=(404,))
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
) -> JobIdAnswer:
    """Change every job that the query matches; finished when the response arrives."""
    wanted = {"id": ids, "type": type, "status": status, "object_id": object_id}
    for job_id in find_filtered_job_ids(call, {**wanted, "parent_id": parent_id, "created_by": created_by}, query):
        update_job(call.session, job_id, body.changes(), body.details(), call.actor, merges=merge_metadata)
    return {"job_id": None}


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
        call.session,
        find_filtered_job_ids(call, {**wanted, "parent_id": parent_id, "created_by": created_by}, query),
        call.actor,
    )


def find_filtered_job_ids(call: Call, wanted: dict[str, str], query: str) -> list[UUID]:
    """Return the ids of jobs that a query matches.

    Raises:
        ValidationFailed: the query has no condition, which would match all jobs, or matches too many.
    """
    if not query and not any(wanted.values()):
        raise ValidationFailed("ids", "name the jobs by ids or by another condition")
    found = filter_jobs(call, wanted, query).with_only_columns(Job.id).order_by(Job.id).limit(MAX_JOBS_PER_REQUEST + 1)
    job_ids = list(call.session.scalars(found))
    if len(job_ids) > MAX_JOBS_PER_REQUEST:
        raise ValidationFailed("query", f"names more than {MAX_JOBS_PER_REQUEST} jobs; narrow it")
    return job_ids
