"""Trigger requests that come as messages of other systems: read the arguments, record the job, run it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from models.queues.notify import Notifier
from services.core.errors import DomainError
from services.triggers.runner import TriggerEnvironment, find_service_actor, record_trigger, trigger_jobs
from services.triggers.spec import Trigger


class TriggerRefused(Exception):
    """Nothing was done; the job has the text, too. Raised so that the task fails visibly in Flower."""


@dataclass(frozen=True, slots=True)
class TriggerMessage:
    """A message as it came: the id of its task, positional and keyword arguments."""

    task_id: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


def read_trigger_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by name, given as keywords or as one JSON object: some clients send positional arguments
    only."""
    if not args:
        return dict(kwargs)
    if len(args) == 1 and isinstance(args[0], dict) and not kwargs:
        return dict(args[0])
    raise TriggerRefused("arguments are given by name: as keywords, or as one object")


def pop_request_id(given: dict[str, Any], task_id: str) -> uuid.UUID:
    """Remove and return the caller's id of the request: the argument `id`, or else the id of the task."""
    text = given.pop("id", task_id)
    try:
        return uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        raise TriggerRefused("the id of a request is a UUID: as the argument id, or as the id of the task") from None


def receive_trigger(
    sessions: Sessions,
    trigger: Trigger,
    message: TriggerMessage,
    timing: Timing,
    environment: TriggerEnvironment,
    notify: Notifier,
) -> None:
    """Record the request, run it, and raise TriggerRefused if it was refused or failed."""
    given = read_trigger_arguments(message.args, message.kwargs)
    job_id = pop_request_id(given, message.task_id)
    try:
        recorded = transact(
            sessions,
            lambda session: record_trigger(
                session, trigger, given, job_id, find_service_actor(session, environment.email)
            ),
        )
    except DomainError as refusal:
        raise TriggerRefused(str(refusal)) from None
    if recorded.is_new and recorded.refusal is None:
        trigger_jobs(environment, notify).run(sessions, [job_id], timing, notify)
    with sessions() as session:
        job = session.get(Job, job_id)
    if job is not None and job.status == JobStatus.FAILED:
        raise TriggerRefused(f"job {job_id}: {job.error_message}")
