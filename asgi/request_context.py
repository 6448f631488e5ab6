"""What endpoints receive and return: the call with its caller and transaction, bodies, and the form of ids and times.

Unknown and read-only keys of a request are ignored, since clients write back whole objects they read. Times are sent
as `2024-01-02T03:04:05.123456+00:00`, which every client's `datetime.fromisoformat` parses (Python 3.10 rejects "Z" and
fractions of other lengths)."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar, get_args
from uuid import UUID

from fastapi import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function
from sqlalchemy.orm import Session

from asgi.context import ApiContext
from models.access.acl import Actor
from models.core.sessions import transact
from models.queues.job import Job
from services.access.tokens import AuthenticatedToken

TransactionResult = TypeVar("TransactionResult")


@dataclass(frozen=True, slots=True)
class StatusResponse:
    """Response body with its status, for endpoints with more than one success status."""

    status: int
    body: Any = None


@dataclass(slots=True)
class Call:
    """One request inside its transaction: the caller, the session, and the tasks to notify after the commit."""

    context: ApiContext
    request: Request
    session: Session
    signed_in: AuthenticatedToken | None
    actor: Actor
    wake_ups: list[tuple[str, list[str]]] = field(default_factory=list)

    def notify(self, task: str, ids: Iterable[UUID]) -> None:
        """Queue wake-up messages for rows of this transaction; they are sent after the commit."""
        self.wake_ups.append((task, [str(key) for key in ids]))

    def start_job(self, job: Job) -> dict[str, str]:
        """Queue the wake-up message of a new job, and return its id as clients read it."""
        self.notify(job.task or "", [job.id])
        return {"job_id": str(job.id)}

    @property
    def token(self) -> AuthenticatedToken:
        """Return the token that authenticated the caller. Public routes have none and must not call this."""
        assert self.signed_in is not None
        return self.signed_in


@dataclass(frozen=True, slots=True)
class SelfCommittingCall:
    """One request whose endpoint runs its own short transactions, because slow steps lie between them."""

    context: ApiContext
    request: Request
    actor: Actor

    def transact(self, work: Callable[[Session], TransactionResult]) -> TransactionResult:
        """Run `work` in one transaction and commit."""
        return transact(self.context.sessions, work)

    @property
    def address(self) -> str:
        """Return the IP address of the caller."""
        return client_address(self.request)


def client_address(request: Request) -> str:
    """Return the IP address that a request came from."""
    return request.client.host if request.client else "unknown"


def request_base_url(request: Request) -> str:
    """Return the base URL of a request, without a trailing slash."""
    return str(request.base_url).rstrip("/")


def public_base_url(call: Call | SelfCommittingCall) -> str:
    """Return the public base URL: the configured one, else the base URL of this request."""
    return call.context.outside.public_url or request_base_url(call.request)


def _in_utc(value: datetime) -> datetime:
    """Interpret a time without a zone as UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


UtcDatetime = Annotated[datetime, AfterValidator(_in_utc)]
LongText = Annotated[str, Field(max_length=10_000)]
ShortText = Annotated[str, Field(min_length=1, max_length=1_000)]
KeyText = Annotated[str, Field(max_length=100)]
"""An id, or a word of a fixed vocabulary, that is checked further on."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
SafeInteger = Annotated[int, Field(ge=-(2**53), le=2**53)]


@dataclass(frozen=True, slots=True)
class MaxJsonBytes:
    """Limits a value of any shape by its size as JSON; the OpenAPI document shows it as `x-max-bytes`."""

    limit: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "x-max-bytes": self.limit}

    def _check(self, value: Any) -> Any:
        if len(json.dumps(value)) > self.limit:
            raise ValueError(f"has more than {self.limit:,} bytes as JSON")
        return value


JsonObject = Annotated[dict[str, Any], Field(max_length=1_000), MaxJsonBytes(64 * 1024)]
"""An object that is stored as it came."""


class Body(BaseModel):
    """Base class of request bodies. Every field is bounded, and lists stop at their first invalid item: a million
    errors take longer than a million values.

    An empty string in a field that takes no text counts as absent: real clients send `"view_id": ""`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    nullable: ClassVar[frozenset[str]] = frozenset()
    """Fields that a null clears."""
    _takes_text: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        names = cls.model_fields.items()
        cls._takes_text = frozenset(name for name, field in names if _accepts_text(field.annotation))

    @model_validator(mode="before")
    @classmethod
    def _leave_out_blanks(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        reject_unstorable(given)
        return {key: value for key, value in given.items() if value != "" or key in cls._takes_text}

    def sent(self) -> dict[str, Any]:
        """Return the fields that the client set, by name: a PATCH changes only these."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def changes(self) -> dict[str, Any]:
        """Return the fields to set. A null counts where the field is in `nullable`; clients send back nulls of others
        that they read."""
        return {name: value for name, value in self.sent().items() if value is not None or name in self.nullable}

    def is_slow(self) -> bool:
        """Return whether `prepare` has work to do."""
        return False

    def prepare(self) -> None:
        """Do slow work on the values (hash a password); called before the transaction."""


def _accepts_text(annotation: Any) -> bool:
    return annotation is str or annotation is Any or any(_accepts_text(part) for part in get_args(annotation))


def reject_unstorable(given: Any) -> None:
    """Reject values that PostgreSQL or JSON cannot store.

    Raises:
        ValueError: names the path of the value.
    """
    # The path of each value is expensive, and nearly always no value needs it.
    if all(map(_is_storable, _iterate_values(given))):
        return
    for path, value in _iterate_paths(given):
        where = ".".join(path)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where} is {value}, which is no number of JSON")
        if not _is_storable(value):
            raise ValueError(f"{where} holds a NUL or half a surrogate pair, which no text may")


def _iterate_values(given: Any) -> Iterator[Any]:
    """Yield every key and value, without recursion."""
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        else:
            yield value


def _iterate_paths(given: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every key and value with its path."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), given)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                yield (*path, "a key"), key
                waiting.append(((*path, key), inner))
        elif isinstance(value, list):
            waiting.extend(((*path, str(number)), inner) for number, inner in enumerate(value))
        else:
            yield path, value


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and (value.isascii() or _is_unicode(value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def format_datetime(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601 with microseconds, or None."""
    return moment.isoformat(timespec="microseconds") if moment else None


def optional_id(identity: UUID | None) -> str | None:
    """Return an id as a string, or None."""
    return str(identity) if identity else None
