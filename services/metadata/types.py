"""Value types of metadata: parsing and validation of the twelve field types, and the one stored form of each.

Clients send values as JSON of the type or as text; both are accepted. Stored values are JSON numbers, booleans or
texts: timestamps as search documents hold them, in UTC, so that text order is chronological; a date without a time is a
calendar day, the same in every time zone.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic_core import Url, ValidationError

from models.catalog.metadata import FieldType
from search.document import format_date_term
from services.core.actors import EMAIL_PATTERN

FieldValue = str | int | float | bool

MAX_VALUE_CHARACTERS: Mapping[FieldType, int] = {
    FieldType.STRING: 10_000,
    FieldType.STRING_EXACT: 1_000,
    FieldType.TEXT: 100_000,
    FieldType.DROP_DOWN: 1_000,
    FieldType.TAG_CLOUD: 1_000,
    FieldType.EMAIL: 254,
    FieldType.URL: 4_000,
}
"""Maximum length in characters. Search compares the first 1,000 of them exactly; the e-mail limit is that of RFC 5321.
"""
MAX_INTEGER_VALUE = 2**63 - 1
"""Largest signed 64-bit integer."""
ALLOWED_URL_SCHEMES = frozenset({"http", "https", "ftp", "ftps", "sftp", "s3", "gs", "smb", "nfs", "file", "mailto"})
"""URL schemes that a value may have: pages render it as a link, so `javascript:` and the like must be rejected."""
HOSTLESS_URL_SCHEMES = frozenset({"file", "mailto"})
DATE_PATTERN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:[.,]0{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
DATETIME_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
INTEGER_PATTERN = re.compile(r"[+-]?\d{1,30}", re.ASCII)
DECIMAL_PATTERN = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?", re.ASCII)


def parse_value(kind: FieldType, raw: Any) -> FieldValue | None:
    """Parse a value into its stored form; None if it is blank. Raises ValueError with the fault, without the field's
    name."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, str):
        _require_storable(raw)
    return VALUE_PARSERS[kind](kind, raw)


def value_to_text(value: FieldValue) -> str:
    """Return a value as text, for clients that expect texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def restore_value(kind: FieldType, value: Any) -> FieldValue:
    """Restore a value from the database. JSONB has one number type: the float 1e22 is returned as an integer."""
    return float(value) if kind == FieldType.FLOAT else value


def quote(value: Any, most: int = 80) -> str:
    """Quote a value for a message: on one line, cut to `most` characters, without characters that JSON responses cannot
    hold."""
    text = value_to_text(value) if isinstance(value, bool) else str(value)
    text = " ".join(text[: 2 * most].split()).encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return f'"{text if len(text) <= most else text[: most - 1] + "…"}"'


def _require_storable(text: str) -> None:
    if "\0" in text:
        raise ValueError("holds a NUL, which no text may")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair, which no text may") from None


def _parse_text_value(kind: FieldType, raw: Any) -> str | None:
    """Parse a text; a number is accepted as its digits."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError(f"takes a text, not {_json_type_name(raw)}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise ValueError(f"takes a text, and {raw} is none")
    text = str(raw)
    if len(text) > MAX_VALUE_CHARACTERS[kind]:
        raise ValueError(f"takes at most {MAX_VALUE_CHARACTERS[kind]:,} characters, not {len(text):,}")
    return text


def _parse_stripped_text_value(kind: FieldType, raw: Any) -> str | None:
    """Parse a text and strip surrounding blanks."""
    return (_parse_text_value(kind, raw) or "").strip() or None


def _parse_email_value(kind: FieldType, raw: Any) -> str | None:
    text = _parse_stripped_text_value(kind, raw)
    if text is not None and not EMAIL_PATTERN.fullmatch(text):
        raise ValueError(f"{quote(text)} is not an e-mail address")
    return text


def _parse_url_value(kind: FieldType, raw: Any) -> str | None:
    text = _parse_stripped_text_value(kind, raw)
    if text is None:
        return None
    fault = ValueError(f"{quote(text)} is no address that starts with one of {', '.join(sorted(ALLOWED_URL_SCHEMES))}")
    if re.search(r"[\s\x00-\x1f]", text):
        raise fault
    try:
        parsed = Url(text)
    except ValidationError:
        raise fault from None
    if parsed.scheme not in ALLOWED_URL_SCHEMES or not (parsed.host or parsed.scheme in HOSTLESS_URL_SCHEMES):
        raise fault
    return text


def _parse_integer_value(_: FieldType, raw: Any) -> int | None:
    if isinstance(raw, str):
        if not (text := raw.strip()):
            return None
        if not INTEGER_PATTERN.fullmatch(text):
            raise ValueError(f"{quote(raw)} is no whole number")
        raw = int(text)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError(f"takes a whole number, not {_json_type_name(raw)}")
    if not -MAX_INTEGER_VALUE - 1 <= raw <= MAX_INTEGER_VALUE:
        raise ValueError("takes a whole number of at most 64 bits")
    return raw


def _parse_float_value(_: FieldType, raw: Any) -> float | None:
    if isinstance(raw, str):
        if not (text := raw.strip()):
            return None
        if not DECIMAL_PATTERN.fullmatch(text):
            raise ValueError(f"{quote(raw)} is no number")
        raw = float(text)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError(f"takes a number, not {_json_type_name(raw)}")
    try:
        number = float(raw) + 0.0  # -0.0 becomes 0.0, which is what the database keeps
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("takes a number with an end")
    return number


def _parse_boolean_value(_: FieldType, raw: Any) -> bool | None:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else None
    if word == "":
        return None
    if word not in ("true", "false"):
        raise ValueError(f"takes true or false, not {quote(raw) if isinstance(raw, str) else _json_type_name(raw)}")
    return word == "true"


def _parse_date_value(_: FieldType, raw: Any) -> str | None:
    """Parse a calendar day. A timestamp at midnight is accepted, because some clients send days so."""
    if not isinstance(raw, str):
        raise ValueError(f"takes a day such as 2024-01-31, not {_json_type_name(raw)}")
    if not (text := raw.strip()):
        return None
    match = DATE_PATTERN.fullmatch(text)
    try:
        day = None if match is None else date.fromisoformat(match[1])
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{quote(raw)} is no day such as 2024-01-31")
    return day.isoformat()


def _parse_datetime_value(_: FieldType, raw: Any) -> str | None:
    """Parse a timestamp; without a time zone it is UTC."""
    if not isinstance(raw, str):
        raise ValueError(f"takes a time such as 2024-01-31T18:30:00+02:00, not {_json_type_name(raw)}")
    if not (text := raw.strip()):
        return None
    try:
        if not DATETIME_PATTERN.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text)
        return format_date_term(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ValueError(f"{quote(raw)} is no time such as 2024-01-31T18:30:00+02:00") from None


def _json_type_name(raw: Any) -> str:
    """Name the JSON type of a rejected value; the value itself may be huge."""
    if isinstance(raw, bool):
        return "a truth value"
    names = {int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(raw), "this")


VALUE_PARSERS: Mapping[FieldType, Callable[[FieldType, Any], FieldValue | None]] = {
    FieldType.STRING: _parse_text_value,
    FieldType.STRING_EXACT: _parse_text_value,
    FieldType.TEXT: _parse_text_value,
    FieldType.INTEGER: _parse_integer_value,
    FieldType.FLOAT: _parse_float_value,
    FieldType.BOOLEAN: _parse_boolean_value,
    FieldType.DATE: _parse_date_value,
    FieldType.DATETIME: _parse_datetime_value,
    FieldType.DROP_DOWN: _parse_stripped_text_value,
    FieldType.TAG_CLOUD: _parse_stripped_text_value,
    FieldType.EMAIL: _parse_email_value,
    FieldType.URL: _parse_url_value,
}
