"""Ranges of numbers, times and texts, with their ends included, from the texts that clients send.

A date without a time is the whole day, a year the whole year, in the range's own time zone: "up to the 31st" takes the
evening of the 31st in.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from search.analysis import clean_text

DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
STEPS = {3: timedelta(days=1), 4: timedelta(hours=1), 5: timedelta(minutes=1), 6: timedelta(seconds=1)}
TICK = timedelta(microseconds=1)


class RangeError(Exception):
    """A range that cannot be understood; the text says why."""


Kind = Literal["number", "time", "day", "text"]
"""What values of a name are, where that is known: a day is of the calendar, the same in every time zone."""


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included; None is open. Times are UTC texts as documents hold them."""

    kind: Literal["number", "time", "text"]
    low: float | str | None = None
    high: float | str | None = None


def is_date(name: str) -> bool:
    """Whether values of this name are times; fields of metadata tell by their type."""
    return name.startswith("date_")


def parse_range(name: str, given: Any, kind: Kind | None = None) -> Range | None:
    """A range from `{min, max, timezone}`; None where it has neither end.

    What a name's values are tells how to read the ends; where that is unknown, the ends themselves tell.
    """
    if not isinstance(given, Mapping):
        raise RangeError("is not an object with min, max and timezone")
    zone = parse_zone(given.get("timezone"))
    ends = [_end(given.get(side), side) for side in ("min", "max")]
    if ends == [None, None]:
        return None
    known = "time" if is_date(name) else kind
    parsers = {"number": _number, "time": _times(zone), "day": _days}
    for each in (known,) if known else ("number", "time"):
        parsed = [None if end is None else parsers[each](end) for end in ends] if each in parsers else ends
        if each in parsers and all(value is not None for end, value in zip(ends, parsed, strict=True) if end):
            low, high = (value and value[side] for side, value in enumerate(parsed))
            return Range("text" if each == "day" else each, low, high)
        if known in parsers:
            noun = "a number" if known == "number" else "a date such as 2024-01-31"
            raise RangeError(f"{' to '.join(repr(end) for end in ends if end)} is not {noun}")
    return Range("text", *(end if end is None else clean_text(end) for end in ends))


def whole_range(name: str, value: str, kind: Kind | None = None) -> Range | None:
    """The time that a date's value covers; None where `name` is no date."""
    dated = is_date(name) or kind in ("time", "day")
    return parse_range(name, {"min": value, "max": value}, kind) if dated else None


def parse_zone(given: Any) -> tzinfo:
    """A zone from `+02:00`, `Z` or a name such as `Europe/Berlin`; UTC where there is none."""
    if given in (None, "", "Z", "UTC"):
        return UTC
    if isinstance(given, str) and (match := OFFSET.fullmatch(given)):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset < timedelta(hours=24):
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(given)
    except (ValueError, OSError, TypeError, AttributeError, KeyError):
        raise RangeError(f"timezone {given!r} is neither an offset such as +02:00 nor a zone's name") from None


def _end(value: Any, side: str) -> str | None:
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RangeError(f"{side} is not a text or a number")
    return str(value)


def number_of(value: str) -> float | None:
    """The number that a text is written as, exact where it is whole; None where it is none or has no end."""
    if NUMBER.fullmatch(value) is None:
        return None
    if value.lstrip("-").isdigit():
        return int(value)
    return number if math.isfinite(number := float(value)) else None


def _number(value: str) -> tuple[float, float] | None:
    """The number twice, as the low and the high end of itself."""
    number = number_of(value)
    return None if number is None else (number, number)


def _days(value: str) -> tuple[str, str] | None:
    """The first and the last day that a date covers, as it is written; a time of day and its zone say no more."""
    match = DATE.fullmatch(value)
    if match is None:
        return None
    given = [int(part) for part in match.groups()[:3] if part is not None]
    try:
        first = datetime(*[*given, 1, 1][:3])  # noqa: DTZ001 - a day of the calendar has no zone
    except ValueError:
        return None
    return first.date().isoformat(), _last(first, len(given)).date().isoformat()


def _times(zone: tzinfo) -> Any:
    """A parser of the first and the last moment that a date covers."""

    def parse(value: str) -> tuple[str, str] | None:
        match = DATE.fullmatch(value)
        if match is None:
            return None
        *parts, fraction, offset = match.groups()
        given = [int(part) for part in parts if part is not None]
        micros = int((fraction or "0")[:6].ljust(6, "0"))
        try:
            local = datetime(*[*given, 1, 1][: max(len(given), 3)], tzinfo=parse_zone(offset) if offset else zone)
        except ValueError:
            return None
        first = local.replace(microsecond=micros)
        return _utc(first), _utc(first if fraction else _last(first, len(given)))

    return parse


def _last(first: datetime, precision: int) -> datetime:
    """The last moment of the year, month, day, hour, minute or second that begins here."""
    try:
        if precision == 1:
            return first.replace(year=first.year + 1) - TICK
        if precision == 2:
            return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - TICK
        return first + STEPS[precision] - TICK
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=first.tzinfo)


def _utc(moment: datetime) -> str:
    """The moment as documents write it; beyond the calendar's ends it is the end."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC) if moment.year == 1 else datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds")
