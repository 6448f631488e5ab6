"""Base of request bodies. Unknown and read-only keys are ignored, since clients write back whole objects they read."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, get_args

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
            raise ValueError(f"{where} is {value}, which is not a JSON number")
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
