"""Celery's beat with a look before each ring: only where a row waits and the queue is short.

Plain beat puts a message on the queue at every interval, whether anybody takes it or not: a night without a worker
would leave a morning of rings.
"""

import logging
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule
from kombu.exceptions import OperationalError
from sqlalchemy.exc import DBAPIError

from tasks.maintenance import is_anything_waiting

log = logging.getLogger(__name__)

SWEEP = "maintenance.sweep"
SHORT_QUEUE = 2


class Bell(Scheduler):
    """In memory: the schedule is fixed, and what is due stands in the rows."""

    def setup_schedule(self) -> None:
        """One entry: the sweep looks after everything."""
        context = self.app.context
        self._seconds = min(context.timing.ring_seconds, context.timing.sweep_seconds)
        self.install_default_entries({})
        self.update_from_dict({SWEEP: {"task": SWEEP, "schedule": schedule(self._seconds, app=self.app)}})

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Ring, or let it be; beat itself survives a database or broker that is away."""
        if advance:
            entry = self.reserve(entry)
        try:
            if self._is_needed():
                return super().apply_async(entry, producer, advance=False, **options)
        except (DBAPIError, OperationalError) as error:
            log.warning("%s: not rung: %s", entry.task, error)
        return None

    def _is_needed(self) -> bool:
        with self.app.context.sessions() as session:
            waiting = is_anything_waiting(session, self.app.context.timing)
        return waiting and self._queue_length(SWEEP.partition(".")[0]) < SHORT_QUEUE

    def _queue_length(self, queue: str) -> int:
        with self.app.connection_for_read() as connection:
            return connection.default_channel.client.llen(queue)
