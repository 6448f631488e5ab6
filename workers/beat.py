"""Celery's beat with a condition: a message is sent only if work is waiting and its queue is short.

Plain beat publishes at every interval, whether a worker consumes or not: a night without a worker would leave thousands
of messages.
"""

import logging
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule
from kombu.exceptions import OperationalError
from sqlalchemy.exc import DBAPIError

from models.media_queue import is_media_waiting
from tasks.maintenance import is_anything_waiting
from tasks.media_jobs import TASKS
from tasks.transcode_jobs import TASK as TRANSCODE
from tasks.transcode_jobs import is_transcode_waiting
from workers.metrics import RowsCollector, serve_metrics
from workers.settings import current_settings

log = logging.getLogger(__name__)

SWEEP, TIDY = "maintenance.sweep", "maintenance.tidy"
LOOK, AUDIT = "index.look", "index.audit"
LOOK_SECONDS, AUDIT_SECONDS = 15.0, 6 * 3600.0
"""A comparison reads every document, and the differences it finds are rare faults, so it is not urgent."""
MEDIA = {task: kind for kind, task in TASKS.items()}
"""Media kinds by task; beat notifies these tasks itself, because it knows their queue lengths."""
TIDY_PICTURES, TIDY_RENDITIONS = "media.tidy", "media.forget"
TIDY_SECONDS = 3600.0
SHORT_QUEUE = 2


class Bell(Scheduler):
    """Scheduler in memory: the schedule is fixed, and due work is found in the rows."""

    def setup_schedule(self) -> None:
        """Schedule the sweep and the queues at short intervals, cleanup and audits at long ones."""
        context = self.app.context
        serve_metrics(current_settings(), RowsCollector(context.sessions, self._queue_lengths, context.engine))
        self._seconds = min(context.timing.ring_seconds, context.timing.sweep_seconds)
        self.install_default_entries({})
        intervals = {SWEEP: self._seconds, **dict.fromkeys((TIDY, TIDY_PICTURES, TIDY_RENDITIONS), TIDY_SECONDS)}
        intervals |= {LOOK: LOOK_SECONDS, AUDIT: AUDIT_SECONDS}
        intervals |= dict.fromkeys((*MEDIA, TRANSCODE), self._seconds)
        self.update_from_dict(
            {task: {"task": task, "schedule": schedule(every, app=self.app)} for task, every in intervals.items()}
        )

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Send the task if it is needed; an outage of the database or broker is logged and survived."""
        if advance:
            entry = self.reserve(entry)
        try:
            if self._is_needed(entry.task):
                return super().apply_async(entry, producer, advance=False, **options)
        except (DBAPIError, OperationalError) as error:
            log.warning("%s: not rung: %s", entry.task, error)
        return None

    def _is_needed(self, task: str) -> bool:
        # A queue that already has messages needs no further one.
        if self._queue_length(task.partition(".")[0]) >= SHORT_QUEUE:
            return False
        if task in (TIDY, TIDY_PICTURES, TIDY_RENDITIONS, AUDIT):
            return True
        if task == LOOK:
            return self.app.context.engine.indexes is not None
        with self.app.context.sessions() as session:
            if task in MEDIA:
                return is_media_waiting(session, MEDIA[task])
            if task == TRANSCODE:
                return is_transcode_waiting(session)
            return is_anything_waiting(session, self.app.context.timing)

    def _queue_length(self, queue: str) -> int:
        with self.app.connection_for_read() as connection:
            return connection.default_channel.client.llen(queue)

    def _queue_lengths(self) -> dict[str, int]:
        with self.app.connection_for_read() as connection:
            return {queue: connection.default_channel.client.llen(queue) for queue in self.app.amqp.queues}
