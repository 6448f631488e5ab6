"""Inclusive ranges of numbers, times and texts, parsed from the texts of clients.

A date without a time means the whole day, a year the whole year, in the range's time zone: "up to the 31st" includes
the evening of the 31st.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from search.query.analysis import replace_unstorable

RANGE_DATE_PATTERN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
NUMBER_PATTERN = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
OFFSET_PATTERN = re.compile(r"([+-])(\d\d):?(\d\d)")
PRECISION_STEPS = {3: timedelta(days=1), 4: timedelta(hours=1), 5: timedelta(minutes=1), 6: timedelta(seconds=1)}
MICROSECOND_STEP = timedelta(microseconds=1)


class RangeError(Exception):
    """Invalid range; the message gives the reason."""


ValueKind = Literal["number", "time", "day", "text"]
"""Kind of a name's values, if known: a day is a calendar date, equal in every time zone."""


@dataclass(frozen=True, slots=True)
class ValueRange:
    """From `low` to `high`, both included; None is unbounded. Times are UTC texts as in documents."""

    kind: Literal["number", "time", "text"]
    low: float | str | None = None
    high: float | str | None = None


def is_date_name(name: str) -> bool:
    """Return whether values of this name are times; metadata fields have explicit types."""
    return name.startswith("date_")


def parse_value_range(name: str, given: Any, kind: ValueKind | None = None) -> ValueRange | None:
    """Parse `{min, max, timezone}`; None if both ends are absent.

    The kind of a name's values determines how ends are parsed; if it is unknown, the ends themselves do.
    """
    if not isinstance(given, Mapping):
        raise RangeError("is not an object with min, max and timezone")
    zone = parse_timezone(given.get("timezone"))
    ends = [_end_text(given.get(side), side) for side in ("min", "max")]
    if ends == [None, None]:
        return None
    known = "time" if is_date_name(name) else kind
    parsers = {"number": _number, "time": _times(zone), "day": _days}
    for each in (known,) if known else ("number", "time"):
        parsed = [None if end is None else parsers[each](end) for end in ends] if each in parsers else ends
        if each in parsers and all(value is not None for end, value in zip(ends, parsed, strict=True) if end):
            low, high = (value and value[side] for side, value in enumerate(parsed))
            return ValueRange("text" if each == "day" else each, low, high)
        if known in parsers:
            noun = "a number" if known == "number" else "a date such as 2024-01-31"
            raise RangeError(f"{' to '.join(repr(end) for end in ends if end)} is not {noun}")
    return ValueRange("text", *(end if end is None else replace_unstorable(end) for end in ends))


def parse_covered_range(name: str, value: str, kind: ValueKind | None = None) -> ValueRange | None:
    """Return the time span that a date value covers; None if `name` is not a date."""
    dated = is_date_name(name) or kind in ("time", "day")
    return parse_value_range(name, {"min": value, "max": value}, kind) if dated else None


def parse_timezone(given: Any) -> tzinfo:
    """Parse a time zone such as `+02:00`, `Z` or `Europe/Berlin`; UTC by default."""
    if given in (None, "", "Z", "UTC"):
        return UTC
    if isinstance(given, str) and (match := OFFSET_PATTERN.fullmatch(given)):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset < timedelta(hours=24):
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(given)
    except (ValueError, OSError, TypeError, AttributeError, KeyError):
        raise RangeError(f"timezone {given!r} is neither an offset such as +02:00 nor a zone's name") from None


def _end_text(value: Any, side: str) -> str | None:
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RangeError(f"{side} is not a text or a number")
    return str(value)


def parse_number(value: str) -> float | None:
    """Parse a number, exactly if it is whole; None if it is not a finite number."""
    if NUMBER_PATTERN.fullmatch(value) is None:
        return None
    if value.lstrip("-").isdigit():
        return int(value)
    return number if math.isfinite(number := float(value)) else None


def _number(value: str) -> tuple[float, float] | None:
    """Return the number twice, as low and high end."""
    number = parse_number(value)
    return None if number is None else (number, number)


def _days(value: str) -> tuple[str, str] | None:
    """Return the first and last day that a date covers; a time of day and its zone are ignored."""
    match = RANGE_DATE_PATTERN.fullmatch(value)
    if match is None:
        return None
    given = [int(part) for part in match.groups()[:3] if part is not None]
    try:
        year, month, day = [*given, 1, 1][:3]
        first = datetime(year, month, day)  # noqa: DTZ001 - a day of the calendar has no zone
    except ValueError:
        return None
    return first.date().isoformat(), _last(first, len(given)).date().isoformat()


def _times(zone: tzinfo) -> Any:
    """Return a parser of the first and last moment that a date covers."""

    def parse(value: str) -> tuple[str, str] | None:
        match = RANGE_DATE_PATTERN.fullmatch(value)
        if match is None:
            return None
        *parts, fraction, offset = match.groups()
        given = [int(part) for part in parts if part is not None]
        micros = int((fraction or "0")[:6].ljust(6, "0"))
        try:
            year, month, day = [*given, 1, 1][:3]
            hour, minute, second = [*given[3:], 0, 0, 0][:3]
            chosen = parse_timezone(offset) if offset else zone
            local = datetime(year, month, day, hour, minute, second, tzinfo=chosen)
        except ValueError:
            return None
        first = local.replace(microsecond=micros)
        return _utc(first), _utc(first if fraction else _last(first, len(given)))

    return parse


def _last(first: datetime, precision: int) -> datetime:
    """Return the last moment of the year, month, day, hour, minute or second that begins at `first`."""
    try:
        if precision == 1:
            return first.replace(year=first.year + 1) - MICROSECOND_STEP
        if precision == 2:
            return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - MICROSECOND_STEP
        return first + PRECISION_STEPS[precision] - MICROSECOND_STEP
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=first.tzinfo)


def _utc(moment: datetime) -> str:
    """Format a moment as in documents, clamped to the supported calendar."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC) if moment.year == 1 else datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds")
