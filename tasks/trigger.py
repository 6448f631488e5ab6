"""What a trigger is: an operation that another system asks for by name, with arguments that a typed model checks."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from models.acl import Actor
from models.job import JobStatus
from tasks.outside import NOTHING_OUTSIDE, Outside


class Arguments(BaseModel):
    """Arguments by name. What is unknown is refused: a misspelled name would otherwise mean something else in silence.

    Never a secret: Flower shows arguments, the broker keeps them, and the job's row has them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """One run of a trigger, inside the transaction that ends its job."""

    session: Session
    actor: Actor
    """The service user, or whoever called over HTTP, with the rights of now."""
    job_id: uuid.UUID
    state: Mapping[str, Any]
    """What the run before this one left, where the work goes on."""
    outside: Outside = NOTHING_OUTSIDE


@dataclass(frozen=True, slots=True)
class Done:
    """It is done, or another job goes on with it."""

    message: str
    status: JobStatus = JobStatus.FINISHED
    object_type: str | None = None
    object_id: uuid.UUID | None = None
    rings: Sequence[tuple[str, Sequence[uuid.UUID]]] = ()
    """Tasks to ring for once this is committed."""


@dataclass(frozen=True, slots=True)
class Later:
    """It goes on; look again in some seconds."""

    message: str
    state: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """`perform` may raise what `tasks.refusals` has: the job then failed, and nothing of it was written."""

    name: str
    job_type: str
    """iconik's word, of `tasks.jobs.TYPES`."""
    arguments: type[Arguments]
    perform: Callable[[Asked, Any], Done | Later]
    title: Callable[[Any], str]
