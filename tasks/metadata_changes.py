"""Validation of metadata writes: pure functions from a form, stored values and input to the values to be stored.

Everything is validated before anything is written: first each input by itself, then the resulting values of the object.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.metadata_forms import Form, Rule
from tasks.metadata_types import Value, as_kept, as_text, quoted, read_value
from tasks.refusals import InvalidFields

MOST_VALUES = 1_000
"""Maximum number of values of one field of one object."""
MOST_BYTES = 1_000_000
"""Maximum size of one field's values as JSON: a search document holds all of them."""
SHOWN_CHARACTERS = 200
SHOWN_FIELDS = 20
MOST_FAULTS = 100

Kept = Mapping[uuid.UUID, Sequence[Any]]
"""Stored values of an object by field id, as the database returns them."""


class Mode(StrEnum):
    """How a write combines with the stored values."""

    OVERWRITE = "overwrite"
    APPEND = "append"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Given:
    """Input for one field."""

    values: Sequence[Any]
    mode: Mode = Mode.OVERWRITE


@dataclass(frozen=True, slots=True)
class Change:
    """Validated input for one field: parsed values without duplicates."""

    rule: Rule
    values: tuple[Value, ...]
    mode: Mode


@dataclass(frozen=True, slots=True)
class Written:
    """Values of one field of one object before and after a write."""

    rule: Rule
    before: tuple[Value, ...]
    after: tuple[Value, ...]

    @property
    def is_change(self) -> bool:
        return self.before != self.after


def given_of(values: Mapping[str, Any]) -> dict[str, Given]:
    """Convert a mapping of plain values to inputs: a single value, a list, or a `FieldInput` for a mode other than
    overwrite."""
    return {
        name: value
        if isinstance(value, Given)
        else Given(list(value) if isinstance(value, list | tuple | set | frozenset) else [value])
        for name, value in values.items()
    }


def read_changes(form: Form, given: Mapping[str, Given], kept: Kept | None = None) -> list[Change]:
    """Parse and validate every input. Raises ValidationFailed with all faults, by field name.

    A value that is stored already (`kept`) may be written back even if its option or its limits are gone.
    """
    changes, faults = [], {}
    for name, one in given.items():
        rule = form.rules.get(name)
        if rule is None:
            place = f'the view "{form.view.name}" has no such field' if form.view else "there is no such field"
            faults[_storable(name)] = place
            continue
        try:
            changes.append(_read(rule, one, (kept or {}).get(rule.field_id, ())))
        except ValueError as error:
            faults[name] = str(error)
    _refuse(faults)
    return changes


def _read(rule: Rule, given: Given, kept: Sequence[Any]) -> Change:
    if len(given.values) > MOST_VALUES:
        raise ValueError(f"takes at most {MOST_VALUES:,} values, not {len(given.values):,}")
    values = _once(value for raw in given.values if (value := read_value(rule.kind, raw)) is not None)
    if given.mode != Mode.DELETE:
        for value in values:
            if value not in kept and (fault := rule.fault(value)):
                raise ValueError(fault)
        if len(values) > 1 and not rule.multi:
            raise ValueError(f"takes one value, not {len(values):,}")
        if rule.required and given.mode == Mode.OVERWRITE and not values:
            raise ValueError("is required")
    return Change(rule, values, given.mode)


def settle(form: Form, kept: Kept, changes: Sequence[Change]) -> list[Written]:
    """Compute the resulting values of an object, field by field. Raises ValidationFailed if the result is invalid."""
    written = [_written(change, kept) for change in changes]
    faults = {}
    for one in written:
        if one.is_change and (fault := _fault(one)):
            faults[one.rule.name] = fault
    sent = {one.rule.field_id: one.after for one in written}
    for rule in form.required:
        if not sent.get(rule.field_id, kept.get(rule.field_id)):
            faults.setdefault(rule.name, "is required")
    _refuse(faults)
    return written


def _written(change: Change, kept: Kept) -> Written:
    before = tuple(as_kept(change.rule.kind, value) for value in kept.get(change.rule.field_id, ()))
    after = {
        Mode.OVERWRITE: change.values,
        Mode.APPEND: _once([*before, *change.values]),
        Mode.DELETE: tuple(value for value in before if value not in change.values),
    }[change.mode]
    return Written(change.rule, before, after)


def _fault(one: Written) -> str | None:
    rule = one.rule
    if rule.read_only:
        return "is read-only"
    if len(one.after) > 1 and not rule.multi:
        return f"takes one value, and has {quoted(one.before[0])} already"
    if len(one.after) > MOST_VALUES:
        return f"takes at most {MOST_VALUES:,} values, and would have {len(one.after):,}"
    if sum(len(value) if isinstance(value, str) else 8 for value in one.after) * 4 > MOST_BYTES:
        size = len(json.dumps(one.after, ensure_ascii=False).encode())
        return f"takes at most {MOST_BYTES:,} bytes, and would have {size:,}" if size > MOST_BYTES else None
    return None


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))


def _refuse(faults: Mapping[str, str]) -> None:
    if faults:
        raise InvalidFields(dict(list(faults.items())[:MOST_FAULTS]))


def _storable(name: str) -> str:
    """Return a field name shortened and cleaned for an error response; its length is not limited before."""
    return quoted(name, 200)[1:-1]


def in_words(written: Iterable[Written]) -> str:
    """Describe the changes for history: field labels with old and new values, long values cut."""
    changes = [one for one in written if one.is_change]
    if not changes:
        return "metadata was saved; nothing changed"
    told = [f"{one.rule.label} from {_shown(one.before)} to {_shown(one.after)}" for one in changes[:SHOWN_FIELDS]]
    more = len(changes) - len(told)
    return f"metadata changed: {'; '.join(told)}" + (f"; and {more} more fields" if more else "")


def _shown(values: Sequence[Value]) -> str:
    if not values:
        return "nothing"
    text, more = ", ".join(map(as_text, values)), len(values) > 1
    return quoted(text, SHOWN_CHARACTERS) if not more else f"{quoted(text, SHOWN_CHARACTERS)} ({len(values)} values)"
