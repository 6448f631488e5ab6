"""Pending work of the queues that are no jobs, one row for each kind: how much, how fast, and how long it will take."""

import time
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.base import ID_TIME_SHIFT, min_id_at
from models.queues.media_queue import MediaKind
from models.queues.registry import JOB_QUEUE, MEDIA_QUEUE, WORK_QUEUES
from services.core.text import pluralize

RATE_SECONDS = 60.0
"""Readings of the last minute give the rate."""
MIN_RATE_SECONDS = 1.0
"""A batch writes its results at once: a shorter time would promise a rate that no worker has."""

SELECT_WAITING = text(
    " UNION ALL ".join(
        f"SELECT '{queue.plural}' AS kind, {queue.pending_count} AS waiting, {queue.lag} AS lag"
        for queue in WORK_QUEUES
        if queue not in (JOB_QUEUE, MEDIA_QUEUE)
    )
)
SELECT_WAITING_READINGS = text(f"""
    SELECT kind, count(*) AS waiting, extract(epoch FROM now() - min({MEDIA_QUEUE.pending_since})) AS lag
    FROM {MEDIA_QUEUE.view} AS work WHERE {MEDIA_QUEUE.is_pending} GROUP BY kind ORDER BY kind
""")
# What was read has left the queue, and its result has an id that begins with its time.
RECENT_READINGS = {
    MediaKind.HEADERS: "component WHERE type = 'GENERAL' AND from_header AND NOT media ? 'sidecars'",
    MediaKind.PICTURES: "keyframe WHERE type = 'POSTER'",
    MediaKind.SIDECARS: "component WHERE type = 'GENERAL' AND from_header AND media ? 'sidecars'",
}
SELECT_RECENT_READINGS = {
    kind: text(f"SELECT count(*) AS done, CAST(min(CAST(id AS text)) AS uuid) AS first FROM {rows} AND id >= :since")
    for kind, rows in RECENT_READINGS.items()
}
READING_LABELS = {MediaKind.HEADERS: "headers", MediaKind.PICTURES: "posters", MediaKind.SIDECARS: "sidecars"}
READING_UNIT = "file set"
UNITS = {"documents": "document", "folders": "folder", "mails": "mail", "deliveries": "webhook event"}


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """Pending work of one kind, `lag_seconds` old; `per_second` is None where the rate is not known."""

    kind: str
    unit: str
    waiting: int
    lag_seconds: float
    per_second: float | None = None

    @property
    def amount(self) -> str:
        """How much waits, in words."""
        return pluralize(self.waiting, self.unit)

    @property
    def prospect(self) -> str | None:
        """The rate and the time left, in words."""
        if not self.per_second:
            return None
        return f"{self.per_second:,.1f} a second, {format_duration(self.waiting / self.per_second)} left"


def list_waiting_work(session: Session) -> list[WaitingWork]:
    """List what waits in the queues of folders, documents, readings, mails and deliveries."""
    rows = [row for row in session.execute(SELECT_WAITING) if row.waiting]
    found = [WaitingWork(row.kind, UNITS[row.kind], row.waiting, float(row.lag)) for row in rows]
    for row in session.execute(SELECT_WAITING_READINGS).all():
        kind = MediaKind(row.kind)
        rate = _readings_per_second(session, kind)
        found.append(WaitingWork(READING_LABELS[kind], READING_UNIT, row.waiting, float(row.lag), rate))
    return found


def _readings_per_second(session: Session, kind: MediaKind) -> float | None:
    now = time.time()
    row = session.execute(SELECT_RECENT_READINGS[kind], {"since": min_id_at(now - RATE_SECONDS)}).one()
    if not row.done:
        return None
    began = (row.first.int >> ID_TIME_SHIFT) / 1000
    return float(row.done / max(now - began, MIN_RATE_SECONDS))


def format_duration(seconds: float) -> str:
    """Format a duration for people: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
