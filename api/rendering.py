"""Values as the API writes them: ids as strings, times as `2024-01-02T03:04:05.123456+00:00`, which every client's
`datetime.fromisoformat` reads (Python 3.10 refuses "Z" and odd fractions)."""

from datetime import datetime
from uuid import UUID


def stamp(moment: datetime | None) -> str | None:
    """A time, or null."""
    return moment.isoformat(timespec="microseconds") if moment else None


def key(identity: UUID | None) -> str | None:
    """An id, or null."""
    return str(identity) if identity else None
