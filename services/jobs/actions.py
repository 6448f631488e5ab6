"""User actions on jobs: change priority, abort, pause, resume, restart and delete; all of the named jobs or none."""

import uuid
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import func
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.queues.job import Job, JobStatus
from services.core.errors import Conflict, ValidationFailed
from services.jobs.jobs import FINAL_JOB_STATUSES, MAX_JOBS_PER_REQUEST, get_job_for_update, set_job_times


class JobAction(StrEnum):
    """An action that users may apply to jobs."""

    ABORT = "ABORT"
    PAUSE = "PAUSE"
    RESTART = "RESTART"
    RESUME = "RESUME"


def set_job_priority(session: Session, job_ids: Sequence[uuid.UUID], priority: int, actor: Actor) -> None:
    """Set the priority of jobs; all or none."""
    for job_id in sorted_job_ids(job_ids):
        job = get_job_for_update(session, actor, job_id)
        job.priority = priority
        job.date_modified = func.now()
    session.flush()


def apply_job_action(session: Session, job_ids: Sequence[uuid.UUID], action: JobAction, actor: Actor) -> list[Job]:
    """Abort, pause, resume or restart jobs, all or none; returns those that are now ready for a worker."""
    jobs = [get_job_for_update(session, actor, job_id) for job_id in sorted_job_ids(job_ids)]
    for job in jobs:
        JOB_ACTIONS[action](job)
        set_job_times(job)
        job.date_modified = func.now()
    session.flush()
    return [job for job in jobs if job.task is not None and job.status == JobStatus.READY]


def _abort(job: Job) -> None:
    """Ask the worker of a running job to stop, which then completes the abort; any other job is aborted at once."""
    if job.status not in FINAL_JOB_STATUSES:
        held = job.task is not None and job.status == JobStatus.STARTED
        job.status = JobStatus.ABORT_PENDING if held else JobStatus.ABORTED


def _pause(job: Job) -> None:
    if job.status in FINAL_JOB_STATUSES:
        raise Conflict(f'the job "{job.title}" has ended ({job.status}); restart it instead')
    job.status = JobStatus.PAUSED
    _drop_lease(job)


def _resume(job: Job) -> None:
    if job.status != JobStatus.PAUSED:
        raise Conflict(f'the job "{job.title}" is not paused ({job.status})')
    job.status = JobStatus.READY


def _restart(job: Job) -> None:
    if job.status not in FINAL_JOB_STATUSES and job.dead_lettered_at is None:
        raise Conflict(f'the job "{job.title}" has not ended ({job.status}); abort it first')
    job.status = JobStatus.READY
    job.attempt = job.crashes = job.progress_processed = 0
    job.error_message = job.dead_lettered_at = job.started_at = None
    job.not_before = func.now()
    _drop_lease(job)


def _drop_lease(job: Job) -> None:
    """Drop the lease, so that the fence rejects later writes of the worker that held it."""
    job.lease_owner = job.lease_until = job.dispatched_until = None


JOB_ACTIONS = {JobAction.ABORT: _abort, JobAction.PAUSE: _pause, JobAction.RESUME: _resume, JobAction.RESTART: _restart}


def delete_jobs(session: Session, job_ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Delete jobs with their children and steps; a job that a worker may hold must be aborted first."""
    for job_id in sorted_job_ids(job_ids):
        job = get_job_for_update(session, actor, job_id)
        if job.task is not None and job.status not in FINAL_JOB_STATUSES:
            raise Conflict(f'the job "{job.title}" has not ended ({job.status}); abort it first')
        session.delete(job)
    session.flush()


def sorted_job_ids(job_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return the ids in locking order: sorted, so that two such requests cannot deadlock."""
    if len(job_ids) > MAX_JOBS_PER_REQUEST:
        raise ValidationFailed("job_ids", f"at most {MAX_JOBS_PER_REQUEST} at once, not {len(job_ids)}")
    return sorted(set(job_ids))
