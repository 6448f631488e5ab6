"""User actions on jobs: change priority, abort, pause, resume, restart and delete; all of the named jobs or none."""

import uuid
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import func
from sqlalchemy.orm import Session

from models.acl import Actor
from models.job import Job, JobStatus
from tasks.jobs import ENDED, MOST_AT_ONCE, find_for_change, note_times
from tasks.refusals import Conflict, Invalid


class Action(StrEnum):
    """An action that users may apply to jobs."""

    ABORT = "ABORT"
    PAUSE = "PAUSE"
    RESTART = "RESTART"
    RESUME = "RESUME"


def set_priority(session: Session, job_ids: Sequence[uuid.UUID], priority: int, actor: Actor) -> None:
    """Set the priority of jobs; all or none."""
    for job_id in ordered(job_ids):
        job = find_for_change(session, actor, job_id)
        job.priority = priority
        job.date_modified = func.now()  # type: ignore[assignment]
    session.flush()


def act(session: Session, job_ids: Sequence[uuid.UUID], action: Action, actor: Actor) -> list[Job]:
    """Abort, pause, resume or restart jobs, all or none; returns those that are now ready for a worker."""
    jobs = [find_for_change(session, actor, job_id) for job_id in ordered(job_ids)]
    for job in jobs:
        ACTIONS[action](job)
        note_times(job)
        job.date_modified = func.now()  # type: ignore[assignment]
    session.flush()
    return [job for job in jobs if job.task is not None and job.status == JobStatus.READY]


def _abort(job: Job) -> None:
    """Ask the worker of a running job to stop, which then completes the abort; any other job is aborted at once."""
    if job.status not in ENDED:
        held = job.task is not None and job.status == JobStatus.STARTED
        job.status = JobStatus.ABORT_PENDING if held else JobStatus.ABORTED


def _pause(job: Job) -> None:
    if job.status in ENDED:
        raise Conflict(f'the job "{job.title}" has ended ({job.status}); restart it instead')
    job.status = JobStatus.PAUSED
    _release(job)


def _resume(job: Job) -> None:
    if job.status != JobStatus.PAUSED:
        raise Conflict(f'the job "{job.title}" is not paused ({job.status})')
    job.status = JobStatus.READY


def _restart(job: Job) -> None:
    if job.status not in ENDED and job.parked_at is None:
        raise Conflict(f'the job "{job.title}" has not ended ({job.status}); abort it first')
    job.status = JobStatus.READY
    job.attempt = job.crashes = job.progress_processed = 0
    job.error_message = job.parked_at = job.started_at = None
    job.not_before = func.now()  # type: ignore[assignment]
    _release(job)


def _release(job: Job) -> None:
    """Drop the lease, so that the fence rejects later writes of the worker that held it."""
    job.lease_owner = job.lease_until = job.handed_until = None


ACTIONS = {Action.ABORT: _abort, Action.PAUSE: _pause, Action.RESUME: _resume, Action.RESTART: _restart}


def delete_jobs(session: Session, job_ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Delete jobs with their children and steps; a job that a worker may hold must be aborted first."""
    for job_id in ordered(job_ids):
        job = find_for_change(session, actor, job_id)
        if job.task is not None and job.status not in ENDED:
            raise Conflict(f'the job "{job.title}" has not ended ({job.status}); abort it first')
        session.delete(job)
    session.flush()


def ordered(job_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return the ids in locking order: sorted, so that two such requests cannot deadlock."""
    if len(job_ids) > MOST_AT_ONCE:
        raise Invalid("job_ids", f"at most {MOST_AT_ONCE} at once, not {len(job_ids)}")
    return sorted(set(job_ids))
