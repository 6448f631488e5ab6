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

from models.acl import Actor
from models.base import new_id
from models.job import Job, JobStatus
from models.sessions import Sessions, transact
from models.timing import Timing
from models.user import User
from tasks.actors import find_actor
from tasks.job_leases import (
    JobClaim,
    JobLostError,
    Progress,
    about_job,
    claim_jobs,
    end_job,
    fail_job,
    give_back_job,
    keep_job,
)
from tasks.outside import NOTHING_OUTSIDE, Outside
from tasks.refusals import Conflict, Denied, Invalid, Refusal
from tasks.trigger import Arguments, Asked, Done, Later, Trigger
from tasks.trigger_operations import TRIGGERS

TASK = "maintenance.trigger"
LONGEST_BYTES = 262_144
NO_USER = (
    "triggers by message have no user: the operator sets TAPELESS_TRIGGER_USER to the e-mail of the user "
    "with whose rights they run"
)
Ring = Callable[[str, Sequence[object]], None]


@dataclass(frozen=True, slots=True)
class Service:
    """What a process provides for triggers: the user of messages, and the configuration of mail and webhooks."""

    email: str | None = None
    outside: Outside = NOTHING_OUTSIDE


@dataclass(frozen=True, slots=True)
class Recorded:
    """The job of a request; `is_new` is False if the same request came before."""

    job_id: uuid.UUID
    is_new: bool
    refusal: str | None = None
    """Reason why the job failed immediately."""


def parse(trigger: Trigger, given: Mapping[str, Any]) -> Arguments:
    """Validate arguments. An error names the first wrong argument, but not its value, which may be a secret."""
    try:
        text = json.dumps(given, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > LONGEST_BYTES:
            raise Invalid("arguments", f"are longer than {LONGEST_BYTES} bytes; send several triggers")
        if "\\u0000" in text:
            raise Invalid("arguments", "hold a NUL, which no text may")
        return trigger.arguments.model_validate_json(text, strict=True)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            raise Invalid(".".join(map(str, first["loc"])) or "arguments", first["msg"]) from None
        raise Invalid(
            "arguments", "are no JSON that can be kept (a number out of range, or half a character)"
        ) from None


def record(
    session: Session, trigger: Trigger, given: Mapping[str, Any], job_id: uuid.UUID | None, actor: Actor | None
) -> Recorded:
    """Insert the job of a request. Without an actor, or with invalid arguments, it is inserted as failed."""
    refusal, arguments, title = None, {}, f"trigger.{trigger.name}"
    try:
        parsed = parse(trigger, given)
        arguments, title = parsed.model_dump(mode="json", exclude_unset=True), trigger.title(parsed)
    except Invalid as error:
        refusal = f"{error.field}: {error}"
    if actor is None and refusal is None:
        refusal = NO_USER
    values = {
        "id": job_id or new_id(),
        "type": trigger.job_type,
        "title": title,
        "status": JobStatus.FAILED if refusal else JobStatus.READY,
        "queue": "trigger",
        "task": TASK,
        "arguments": {"trigger": trigger.name, "given": arguments, "digest": digest_of(trigger, given)},
        "created_by": actor.user_id if actor else None,
        "error_message": refusal,
        "message": refusal or "",
    }
    # ON CONFLICT makes redelivery of the same message idempotent.
    inserted = insert(Job).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(Job.id)
    if session.scalar(inserted) is not None:
        return Recorded(values["id"], True, refusal)
    return _repeated(session, trigger, given, values["id"], actor)


def _repeated(
    session: Session, trigger: Trigger, given: Mapping[str, Any], job_id: uuid.UUID, actor: Actor | None
) -> Recorded:
    before = session.get_one(Job, job_id)
    mine = before.created_by is None or actor is None or before.created_by == actor.user_id
    if before.task != TASK or not mine or before.arguments["digest"] != digest_of(trigger, given):
        raise Conflict(f"the id {job_id} was used for something else; give every request an id of its own")
    return Recorded(job_id, False, before.error_message if before.status == JobStatus.FAILED else None)


def digest_of(trigger: Trigger, given: Mapping[str, Any]) -> str:
    """Return a digest that distinguishes a repeated request from another one with the same id, without exposing it."""
    text = json.dumps([trigger.name, given], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def service_actor(session: Session, email: str | None) -> Actor | None:
    """Return the actor of messages, if the user exists and may sign in."""
    if email is None:
        return None
    user_id = session.scalar(select(User.id).where(func.lower(User.email) == email.lower()))
    return find_actor(session, user_id) if user_id is not None else None


def run_triggers(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing, service: Service, ring: Ring) -> int:
    """Run the waiting ones of these jobs, and notify the tasks that they started; return how many were claimed."""
    claims = transact(sessions, lambda session: claim_jobs(session, TASK, job_ids, timing))
    for claim in claims:
        with about_job(claim):
            for task, ids in _run(sessions, claim, timing, service):
                ring(task, ids)
    return len(claims)


def _run(
    sessions: Sessions, claim: JobClaim, timing: Timing, service: Service
) -> Sequence[tuple[str, Sequence[object]]]:
    try:
        return transact(sessions, lambda session: _perform(session, claim, timing, service))
    except Refusal as refusal:
        reason = f"{refusal.field}: {refusal}" if isinstance(refusal, Invalid) else str(refusal)
        transact(sessions, lambda session: _end(session, claim, Done(reason, JobStatus.FAILED)))
    except (JobLostError, DBAPIError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        transact(sessions, lambda session: fail_job(session, claim, reason))
        raise
    return ()


def _perform(
    session: Session, claim: JobClaim, timing: Timing, service: Service
) -> Sequence[tuple[str, Sequence[object]]]:
    if keep_job(session, claim, timing):
        end_job(session, claim, JobStatus.ABORTED, "stopped before it was done")
        return ()
    job = session.get_one(Job, claim.id)
    actor = service_actor(session, service.email) if job.created_by is None else find_actor(session, job.created_by)
    if actor is None:
        raise Denied(NO_USER if job.created_by is None else "the user who asked for it may not sign in any more")
    trigger = TRIGGERS.get(claim.arguments["trigger"])
    if trigger is None:
        raise Conflict(f'this version has no trigger "{claim.arguments["trigger"]}"')
    given = parse(trigger, claim.arguments["given"])
    outcome = trigger.perform(Asked(session, actor, claim.id, claim.details.get("state") or {}, service.outside), given)
    session.flush()
    if isinstance(outcome, Later):
        keep_job(session, claim, timing, Progress(details=json.dumps({"state": outcome.state})))
        give_back_job(session, claim, outcome.message, outcome.seconds)
        return ()
    _end(session, claim, outcome)
    return outcome.rings


def _end(session: Session, claim: JobClaim, outcome: Done) -> None:
    if outcome.object_id is not None:
        values = {"object_type": outcome.object_type, "object_id": outcome.object_id}
        session.execute(update(Job).where(Job.id == claim.id).values(values))
    error = outcome.message if outcome.status == JobStatus.FAILED else None
    end_job(session, claim, outcome.status, outcome.message, error)
