"""Triggers: operations that another system requests by name, with arguments validated by a typed model."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from models.access.acl import Actor
from services.jobs.runner import JobEnd
from services.outbound.config import NO_OUTBOUND, OutboundConfig


class TriggerArguments(BaseModel):
    """Base of trigger arguments. Unknown names are rejected: a misspelled one would otherwise be ignored silently.

    Arguments must not contain secrets: Flower shows them, and the broker and the job's row store them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class TriggerRun:
    """One run of a trigger, inside the transaction that ends its job."""

    session: Session
    actor: Actor
    """The service user, or the caller over HTTP, with their current permissions."""
    job_id: uuid.UUID
    state: Mapping[str, Any]
    """State that the previous run returned, to continue from."""
    outside: OutboundConfig = NO_OUTBOUND


@dataclass(frozen=True, slots=True)
class TriggerDone(JobEnd):
    """The trigger is done, or another job continues it."""

    object_type: str | None = None
    object_id: uuid.UUID | None = None
    wake_ups: Sequence[tuple[str, Sequence[uuid.UUID]]] = ()
    """Tasks to notify after the commit."""


@dataclass(frozen=True, slots=True)
class TriggerPending:
    """The trigger is not done; run it again in some seconds."""

    message: str
    state: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """An operation with its name and arguments.

    `perform` may raise a domain error (`services.core.errors`): the job then fails, and nothing of it is written.
    """

    name: str
    job_type: str
    """Job type in iconik's terms, one of `services.jobs.jobs.JOB_TYPES`."""
    arguments: type[TriggerArguments]
    perform: Callable[[TriggerRun, Any], TriggerDone | TriggerPending]
    title: Callable[[Any], str]
