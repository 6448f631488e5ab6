"""Base of request bodies. Unknown and read-only keys are ignored, since clients write back whole objects they read."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_BODY_DEPTH = 40
"""Maximum nesting levels of a body; a search filter written by a person has five."""


def _in_utc(value: datetime) -> datetime:
    """Interpret a time without a zone as UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


UtcDatetime = Annotated[datetime, AfterValidator(_in_utc)]
LongText = Annotated[str, Field(max_length=10_000)]
ShortText = Annotated[str, Field(min_length=1, max_length=1_000)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
SafeInteger = Annotated[int, Field(ge=-(2**53), le=2**53)]


class Body(BaseModel):
    """Base class of request bodies.

    An empty string in a field that takes no text counts as absent: real clients send `"view_id": ""`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
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

    def is_slow(self) -> bool:
        """Return whether `prepare` has work to do."""
        return False

    def prepare(self) -> None:
        """Do slow work on the values (hash a password); called before the transaction."""


def _accepts_text(annotation: Any) -> bool:
    return annotation is str or annotation is Any or any(_accepts_text(part) for part in get_args(annotation))


def reject_unstorable(given: Any) -> None:
    """Reject values that PostgreSQL or JSON cannot store, and nesting deeper than `MAX_BODY_DEPTH`.

    Raises:
        ValueError: names the path of the value.
    """
    for path, value in _iterate_values(given):
        where = ".".join(path)
        if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
            raise ValueError(f"{where} holds a NUL or half a surrogate pair, which no text may")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where} is {value}, which is no number of JSON")


def _iterate_values(given: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every key and value with its path, without recursion: the parser allows any depth of nesting."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), given)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > MAX_BODY_DEPTH:
            raise ValueError(f"{path[0]} is nested deeper than {MAX_BODY_DEPTH} levels")
        if isinstance(value, dict):
            for key, inner in value.items():
                yield (*path, "a key"), key
                waiting.append(((*path, key), inner))
        elif isinstance(value, list):
            waiting.extend(((*path, str(number)), inner) for number, inner in enumerate(value))
        else:
            yield path, value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
