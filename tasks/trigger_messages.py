"""Triggers as Celery tasks: `trigger.NAME` on the queue `trigger`, from any system that speaks Celery's JSON.

A message from another system has no row yet, so it is acknowledged late, after its job is committed. If a worker dies
before that, the message is delivered again; the job's id, which is the task's, makes that idempotent.
"""

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from celery import Task, shared_task
from sqlalchemy.exc import OperationalError

from models.job import Job, JobStatus
from models.sessions import transact
from models.tracing import span
from tasks.refusals import Refusal
from tasks.trigger import Trigger
from tasks.trigger_operations import TRIGGERS
from tasks.triggers import TASK, Service, record, run_triggers, service_actor

log = logging.getLogger(__name__)

SOFT_SECONDS, HARD_SECONDS = 120, 150
"""Well below the visibility timeout of five minutes, after which an unacknowledged message is delivered to another
worker."""
LONGEST_WAIT_SECONDS = 60


class TriggerRefused(Exception):
    """Nothing was done; the job has the text, too. Raised so that the task fails visibly in Flower."""


def arguments_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by name, given as keywords or as one JSON object: some clients send positional arguments
    only."""
    if not args:
        return dict(kwargs)
    if len(args) == 1 and isinstance(args[0], dict) and not kwargs:
        return dict(args[0])
    raise TriggerRefused("arguments are given by name: as keywords, or as one object")


def id_of(given: dict[str, Any], task_id: str) -> uuid.UUID:
    """Remove and return the caller's id of the request: the argument `id`, or else the id of the task."""
    text = given.pop("id", task_id)
    try:
        return uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        raise TriggerRefused("the id of a request is a UUID: as the argument id, or as the id of the task") from None


def receive(task: Task, trigger: Trigger, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Record the request, run it, and fail visibly if it was refused."""
    context = task.app.context
    email = context.trigger_user
    given = arguments_of(args, kwargs)
    job_id = id_of(given, task.request.id)
    try:
        recorded = transact(
            context.sessions, lambda session: record(session, trigger, given, job_id, service_actor(session, email))
        )
    except Refusal as refusal:
        raise TriggerRefused(str(refusal)) from None
    if recorded.is_new and recorded.refusal is None:
        run_triggers(context.sessions, [job_id], context.timing, Service(email, context.outside), context.ring)
    with context.sessions() as session:
        job = session.get(Job, job_id)
    if job is not None and job.status == JobStatus.FAILED:
        raise TriggerRefused(f"job {job_id}: {job.error_message}")


def caller_of(task: Task) -> str | None:
    """Return the sender's trace, from the header where OpenTelemetry's Celery instrumentation puts it."""
    given = task.request.get("traceparent")
    return given if isinstance(given, str) else None


def make_task(trigger: Trigger) -> Task:
    """Create the Celery task of one trigger."""

    def receive_message(self: Task, *args: Any, **kwargs: Any) -> None:
        try:
            with span("trigger", [caller_of(self)], trigger=trigger.name):
                receive(self, trigger, args, kwargs)
        except OperationalError as error:  # the database is down: retry, as nothing but the message exists yet
            wait = min(LONGEST_WAIT_SECONDS, 2**self.request.retries)
            log.warning("the database does not answer (%s); trigger %s waits", error.orig, self.request.id)
            raise self.retry(countdown=wait) from None

    return shared_task(
        name=f"trigger.{trigger.name}",
        bind=True,
        ignore_result=True,
        acks_late=True,
        reject_on_worker_lost=True,
        max_retries=None,
        soft_time_limit=SOFT_SECONDS,
        time_limit=HARD_SECONDS,
    )(receive_message)


MESSAGES = {name: make_task(trigger) for name, trigger in TRIGGERS.items()}


@shared_task(name=TASK, bind=True, ignore_result=True)
def go_on(self: Task, ids: list[str]) -> None:
    """Continue trigger jobs that came over HTTP, that wait for something, or that lost their worker."""
    context = self.app.context
    service = Service(context.trigger_user, context.outside)
    run_triggers(context.sessions, [uuid.UUID(job_id) for job_id in ids], context.timing, service, context.ring)
