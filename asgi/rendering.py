"""The form of ids and times in responses. Times are `2024-01-02T03:04:05.123456+00:00`, which every client's
`datetime.fromisoformat` parses (Python 3.10 rejects "Z" and fractions of other lengths)."""

from datetime import datetime
from typing import overload
from uuid import UUID


@overload
def format_datetime(moment: datetime) -> str: ...


@overload
def format_datetime(moment: datetime | None) -> str | None: ...


def format_datetime(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601 with microseconds, or None."""
    return moment.isoformat(timespec="microseconds") if moment else None


def optional_id(identity: UUID | None) -> str | None:
    """Return an id as a string, or None."""
    return str(identity) if identity else None
