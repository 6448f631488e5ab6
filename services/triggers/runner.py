"""Trigger requests: recorded as a job under the caller's own id first, then run with a user's permissions.

1. `record_trigger` validates the arguments and inserts the job. The same id again does nothing; with other arguments it
   is rejected. From the commit on, the request is as durable as any other row.
2. `trigger_jobs` are claimed by id: the operation and the end of its job are one transaction, so it happens once.
3. A job that lost its worker is READY or past its lease, and the sweep dispatches it again.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.user import User
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus, Progress, insert_job
from models.queues.notify import Notifier
from services.core.actors import find_actor
from services.core.errors import Conflict, DomainError, PermissionDenied, ValidationFailed
from services.jobs.runner import JobKind, JobOutcome, JobPause, JobRun
from services.outbound.config import NO_OUTBOUND, OutboundConfig
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.spec import Trigger, TriggerArguments, TriggerDone, TriggerPending, TriggerRun

TRIGGER_TASK = "maintenance.trigger"
MAX_TRIGGER_ARGUMENT_BYTES = 262_144
NO_TRIGGER_USER_MESSAGE = (
    "triggers by message have no user: the operator sets TAPELESS_TRIGGER_USER to the e-mail of the user "
    "with whose rights they run"
)


@dataclass(frozen=True, slots=True)
class TriggerEnvironment:
    """What a process provides for triggers: the user of messages, and the configuration of mail and webhooks."""

    email: str | None = None
    outside: OutboundConfig = NO_OUTBOUND


@dataclass(frozen=True, slots=True)
class RecordedTrigger:
    """The job of a request; `is_new` is False if the same request came before."""

    job_id: uuid.UUID
    is_new: bool
    refusal: str | None = None
    """Reason why the job failed immediately."""


def parse_trigger_arguments(trigger: Trigger, given: Mapping[str, Any]) -> TriggerArguments:
    """Validate arguments. An error names the first wrong argument, but not its value, which may be a secret."""
    try:
        text = json.dumps(given, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > MAX_TRIGGER_ARGUMENT_BYTES:
            raise ValidationFailed(
                "arguments", f"are longer than {MAX_TRIGGER_ARGUMENT_BYTES} bytes; send several triggers"
            )
        if "\\u0000" in text:
            raise ValidationFailed("arguments", "hold a NUL, which no text may")
        return trigger.arguments.model_validate_json(text, strict=True)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            raise ValidationFailed(".".join(map(str, first["loc"])) or "arguments", first["msg"]) from None
        raise ValidationFailed(
            "arguments", "are no JSON that can be kept (a number out of range, or half a character)"
        ) from None


def record_trigger(
    session: Session, trigger: Trigger, given: Mapping[str, Any], job_id: uuid.UUID | None, actor: Actor | None
) -> RecordedTrigger:
    """Insert the job of a request. Without an actor, or with invalid arguments, it is inserted as failed."""
    refusal, arguments, title = None, {}, f"trigger.{trigger.name}"
    try:
        parsed = parse_trigger_arguments(trigger, given)
        arguments, title = parsed.model_dump(mode="json", exclude_unset=True), trigger.title(parsed)
    except ValidationFailed as error:
        refusal = f"{error.field}: {error}"
    if actor is None and refusal is None:
        refusal = NO_TRIGGER_USER_MESSAGE
    own_id = job_id or new_id()
    values: dict[str, Any] = {
        "id": own_id,
        "type": trigger.job_type,
        "title": title,
        "status": JobStatus.FAILED if refusal else JobStatus.READY,
        "queue": "trigger",
        "task": TRIGGER_TASK,
        "arguments": {"trigger": trigger.name, "given": arguments, "digest": digest_trigger_request(trigger, given)},
        "created_by": actor.user_id if actor else None,
        "completed_at": func.now() if refusal else None,
        "error_message": refusal,
        "message": refusal or "",
    }
    # ON CONFLICT makes redelivery of the same message idempotent.
    if insert_job(session, values):
        return RecordedTrigger(own_id, True, refusal)
    return _find_repeated(session, trigger, given, own_id, actor)


def _find_repeated(
    session: Session, trigger: Trigger, given: Mapping[str, Any], job_id: uuid.UUID, actor: Actor | None
) -> RecordedTrigger:
    before = session.get_one(Job, job_id)
    mine = before.created_by is None or actor is None or before.created_by == actor.user_id
    if before.task != TRIGGER_TASK or not mine or before.arguments["digest"] != digest_trigger_request(trigger, given):
        raise Conflict(f"the id {job_id} was used for something else; give every request an id of its own")
    return RecordedTrigger(job_id, False, before.error_message if before.status == JobStatus.FAILED else None)


def digest_trigger_request(trigger: Trigger, given: Mapping[str, Any]) -> str:
    """Return a digest that distinguishes a repeated request from another one with the same id, without exposing it."""
    text = json.dumps([trigger.name, given], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def find_service_actor(session: Session, email: str | None) -> Actor | None:
    """Return the actor of messages, if the user exists and may sign in."""
    if email is None:
        return None
    user_id = session.scalar(select(User.id).where(func.lower(User.email) == email.lower()))
    return find_actor(session, user_id) if user_id is not None else None


def trigger_jobs(service: TriggerEnvironment, notify: Notifier) -> JobKind:
    """Return the jobs of triggers; the tasks that they start are notified after their commit."""

    def work(run: JobRun) -> JobOutcome:
        outcome = transact(run.sessions, lambda session: _perform_trigger(session, run, service))
        if isinstance(outcome, TriggerPending):
            return JobPause(outcome.message, outcome.seconds)
        for task, ids in outcome.wake_ups:
            notify(task, ids)
        return None

    return JobKind(TRIGGER_TASK, work)


def _perform_trigger(session: Session, run: JobRun, service: TriggerEnvironment) -> TriggerDone | TriggerPending:
    """Perform the operation and end its job in one transaction, so that it happens once."""
    run.heartbeat(session, stopped="stopped before it was done")
    claim = run.claim
    trigger = TRIGGER_REGISTRY.get(claim.arguments["trigger"])
    if trigger is None:
        raise Conflict(f'this version has no trigger "{claim.arguments["trigger"]}"')
    actor = run.find_requester(session) if claim.created_by else find_service_actor(session, service.email)
    if actor is None:
        raise PermissionDenied(NO_TRIGGER_USER_MESSAGE)
    try:
        given = parse_trigger_arguments(trigger, claim.arguments["given"])
        state = claim.details.get("state") or {}
        outcome = trigger.perform(TriggerRun(session, actor, claim.id, state, service.outside), given)
        session.flush()
    except ValidationFailed as refusal:
        raise ValidationFailed(refusal.field, f"{refusal.field}: {refusal}") from None
    if isinstance(outcome, TriggerPending):
        run.save(session, Progress(details=json.dumps({"state": outcome.state})))
        return outcome
    if outcome.object_id is not None:
        job = session.get_one(Job, claim.id)
        job.object_type, job.object_id = outcome.object_type, outcome.object_id
    run.complete(session, outcome)
    return outcome


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
