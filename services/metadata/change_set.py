"""Validation of metadata writes: pure functions from a form, stored values and input to the values to be stored.

Everything is validated before anything is written: first each input by itself, then the resulting values of the object.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.core.errors import FieldsInvalid
from services.core.text import pluralize
from services.metadata.forms import FieldRule, MetadataForm
from services.metadata.types import FieldValue, parse_value, quote, restore_value, value_to_text

MAX_FIELD_VALUES = 1_000
"""Maximum number of values of one field of one object."""
MAX_FIELD_VALUES_BYTES = 1_000_000
"""Maximum size of one field's values as JSON: a search document holds all of them."""
MAX_HISTORY_VALUE_CHARACTERS = 200
MAX_HISTORY_FIELDS = 20
MAX_REPORTED_FAULTS = 100

StoredValues = Mapping[uuid.UUID, Sequence[Any]]
"""Stored values of an object by field id, as the database returns them."""


class WriteMode(StrEnum):
    """How a write combines with the stored values."""

    OVERWRITE = "overwrite"
    APPEND = "append"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FieldInput:
    """Input for one field."""

    values: Sequence[Any]
    mode: WriteMode = WriteMode.OVERWRITE


@dataclass(frozen=True, slots=True)
class FieldChange:
    """Validated input for one field: parsed values without duplicates."""

    rule: FieldRule
    values: tuple[FieldValue, ...]
    mode: WriteMode


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """Values of one field of one object before and after a write."""

    rule: FieldRule
    before: tuple[FieldValue, ...]
    after: tuple[FieldValue, ...]

    @property
    def is_change(self) -> bool:
        return self.before != self.after


def parse_field_inputs(values: Mapping[str, Any]) -> dict[str, FieldInput]:
    """Convert a mapping of plain values to inputs: a single value, a list, or a `FieldInput` for a mode other than
    overwrite."""
    return {
        name: value
        if isinstance(value, FieldInput)
        else FieldInput(list(value) if isinstance(value, list | tuple | set | frozenset) else [value])
        for name, value in values.items()
    }


def validate_changes(
    form: MetadataForm, given: Mapping[str, FieldInput], kept: StoredValues | None = None
) -> list[FieldChange]:
    """Parse and validate every input. Raises ValidationFailed with all faults, by field name.

    A value that is stored already (`kept`) may be written back even if its option or its limits are gone.
    """
    changes, faults = [], {}
    for name, one in given.items():
        rule = form.rules.get(name)
        if rule is None:
            place = f'the view "{form.view.name}" has no such field' if form.view else "there is no such field"
            # The length of a name is not limited before.
            faults[quote(name, 200)[1:-1]] = place
            continue
        try:
            changes.append(_validate_change(rule, one, (kept or {}).get(rule.field_id, ())))
        except ValueError as error:
            faults[name] = str(error)
    _raise_faults(faults)
    return changes


def _validate_change(rule: FieldRule, given: FieldInput, kept: Sequence[Any]) -> FieldChange:
    if len(given.values) > MAX_FIELD_VALUES:
        raise ValueError(f"takes at most {MAX_FIELD_VALUES:,} values, not {len(given.values):,}")
    values = tuple(dict.fromkeys(value for raw in given.values if (value := parse_value(rule.kind, raw)) is not None))
    if given.mode != WriteMode.DELETE:
        for value in values:
            if value not in kept and (fault := rule.fault(value)):
                raise ValueError(fault)
        if len(values) > 1 and not rule.multi:
            raise ValueError(f"takes one value, not {len(values):,}")
        if rule.required and given.mode == WriteMode.OVERWRITE and not values:
            raise ValueError("is required")
    return FieldChange(rule, values, given.mode)


def compute_field_writes(form: MetadataForm, kept: StoredValues, changes: Sequence[FieldChange]) -> list[FieldWrite]:
    """Compute the resulting values of an object, field by field. Raises ValidationFailed if the result is invalid."""
    written = [_compute_write(change, kept) for change in changes]
    faults = {}
    for one in written:
        if one.is_change and (fault := _find_write_fault(one)):
            faults[one.rule.name] = fault
    sent = {one.rule.field_id: one.after for one in written}
    for rule in form.required:
        if not sent.get(rule.field_id, kept.get(rule.field_id)):
            faults.setdefault(rule.name, "is required")
    _raise_faults(faults)
    return written


def _compute_write(change: FieldChange, kept: StoredValues) -> FieldWrite:
    before = tuple(restore_value(change.rule.kind, value) for value in kept.get(change.rule.field_id, ()))
    after = {
        WriteMode.OVERWRITE: change.values,
        WriteMode.APPEND: tuple(dict.fromkeys([*before, *change.values])),
        WriteMode.DELETE: tuple(value for value in before if value not in change.values),
    }[change.mode]
    return FieldWrite(change.rule, before, after)


def _find_write_fault(one: FieldWrite) -> str | None:
    rule = one.rule
    if rule.read_only:
        return "is read-only"
    # Fewer values are accepted: a field that had several, and takes one since, can be emptied one by one.
    if len(one.after) > max(1, len(one.before)) and not rule.multi:
        return f"takes one value, and has {quote(one.before[0])} already"
    if len(one.after) > MAX_FIELD_VALUES:
        return f"takes at most {MAX_FIELD_VALUES:,} values, and would have {len(one.after):,}"
    # JSON takes at most six bytes for a character (`\u0001`), and spares the exact size of almost all values.
    if sum(len(value) + 1 if isinstance(value, str) else 8 for value in one.after) * 6 > MAX_FIELD_VALUES_BYTES:
        size = len(json.dumps(one.after, ensure_ascii=False).encode())
        return (
            f"takes at most {MAX_FIELD_VALUES_BYTES:,} bytes, and would have {size:,}"
            if size > MAX_FIELD_VALUES_BYTES
            else None
        )
    return None


def _raise_faults(faults: Mapping[str, str]) -> None:
    if faults:
        raise FieldsInvalid(dict(list(faults.items())[:MAX_REPORTED_FAULTS]))


def describe_field_writes(written: Iterable[FieldWrite]) -> str:
    """Describe the changes for history: field labels with old and new values, long values cut."""
    changes = [one for one in written if one.is_change]
    if not changes:
        return "metadata was saved; nothing changed"
    told = [
        f"{one.rule.label} from {_format_values(one.before)} to {_format_values(one.after)}"
        for one in changes[:MAX_HISTORY_FIELDS]
    ]
    more = len(changes) - len(told)
    return f"metadata changed: {'; '.join(told)}" + (f"; and {pluralize(more, 'more field')}" if more else "")


def _format_values(values: Sequence[FieldValue]) -> str:
    if not values:
        return "nothing"
    text, more = ", ".join(map(value_to_text, values)), len(values) > 1
    return (
        quote(text, MAX_HISTORY_VALUE_CHARACTERS)
        if not more
        else f"{quote(text, MAX_HISTORY_VALUE_CHARACTERS)} ({len(values)} values)"
    )
