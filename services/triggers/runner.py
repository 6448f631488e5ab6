"""Trigger requests: recorded as a job under the caller's own id first, then run with a user's permissions.

1. `record_trigger` validates the arguments and inserts the job. The same id again does nothing; with other arguments it
   is rejected. From the commit on, the request is as durable as any other row.
2. `run_triggers` claims jobs by id: the operation and the end of its job are one transaction, so it happens once.
3. A job that lost its worker is READY or past its lease, and the sweep dispatches it again.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.user import User
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.core.actors import find_actor
from services.core.errors import Conflict, DomainError, PermissionDenied, ValidationFailed
from services.jobs.leases import (
    JobClaim,
    JobLostError,
    Progress,
    claim_jobs,
    complete_job,
    fail_job,
    heartbeat_job,
    job_context,
    release_job,
)
from services.outbound.config import NO_OUTBOUND, OutboundConfig
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.spec import Trigger, TriggerArguments, TriggerDone, TriggerPending, TriggerRun

TRIGGER_TASK = "maintenance.trigger"
MAX_TRIGGER_ARGUMENT_BYTES = 262_144
NO_TRIGGER_USER_MESSAGE = (
    "triggers by message have no user: the operator sets TAPELESS_TRIGGER_USER to the e-mail of the user "
    "with whose rights they run"
)
TriggerNotifier = Callable[[str, Sequence[object]], None]


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
        "error_message": refusal,
        "message": refusal or "",
    }
    # ON CONFLICT makes redelivery of the same message idempotent.
    inserted = insert(Job).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(Job.id)
    if session.scalar(inserted) is not None:
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


def run_triggers(
    sessions: Sessions,
    job_ids: Sequence[uuid.UUID],
    timing: Timing,
    service: TriggerEnvironment,
    notify: TriggerNotifier,
) -> int:
    """Run the waiting ones of these jobs, and notify the tasks that they started; return how many were claimed."""
    claims = transact(sessions, lambda session: claim_jobs(session, TRIGGER_TASK, job_ids, timing))
    for claim in claims:
        with job_context(claim):
            for task, ids in _run_claimed_trigger(sessions, claim, timing, service):
                notify(task, ids)
    return len(claims)


def _run_claimed_trigger(
    sessions: Sessions, claim: JobClaim, timing: Timing, service: TriggerEnvironment
) -> Sequence[tuple[str, Sequence[object]]]:
    try:
        return transact(sessions, lambda session: _perform_trigger(session, claim, timing, service))
    except DomainError as refusal:
        reason = f"{refusal.field}: {refusal}" if isinstance(refusal, ValidationFailed) else str(refusal)
        transact(sessions, lambda session: _complete_trigger(session, claim, TriggerDone(reason, JobStatus.FAILED)))
    except (JobLostError, DBAPIError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        transact(sessions, lambda session: fail_job(session, claim, reason))
        raise
    return ()


def _perform_trigger(
    session: Session, claim: JobClaim, timing: Timing, service: TriggerEnvironment
) -> Sequence[tuple[str, Sequence[object]]]:
    if heartbeat_job(session, claim, timing):
        complete_job(session, claim, JobStatus.ABORTED, "stopped before it was done")
        return ()
    job = session.get_one(Job, claim.id)
    actor = (
        find_service_actor(session, service.email) if job.created_by is None else find_actor(session, job.created_by)
    )
    if actor is None:
        raise PermissionDenied(
            NO_TRIGGER_USER_MESSAGE if job.created_by is None else "the user who asked for it may not sign in any more"
        )
    trigger = TRIGGER_REGISTRY.get(claim.arguments["trigger"])
    if trigger is None:
        raise Conflict(f'this version has no trigger "{claim.arguments["trigger"]}"')
    given = parse_trigger_arguments(trigger, claim.arguments["given"])
    outcome = trigger.perform(
        TriggerRun(session, actor, claim.id, claim.details.get("state") or {}, service.outside), given
    )
    session.flush()
    if isinstance(outcome, TriggerPending):
        heartbeat_job(session, claim, timing, Progress(details=json.dumps({"state": outcome.state})))
        release_job(session, claim, outcome.message, outcome.seconds)
        return ()
    _complete_trigger(session, claim, outcome)
    return outcome.wake_ups


def _complete_trigger(session: Session, claim: JobClaim, outcome: TriggerDone) -> None:
    if outcome.object_id is not None:
        values = {"object_type": outcome.object_type, "object_id": outcome.object_id}
        session.execute(update(Job).where(Job.id == claim.id).values(values))
    error = outcome.message if outcome.status == JobStatus.FAILED else None
    complete_job(session, claim, outcome.status, outcome.message, error)
