"""Celery's beat with a condition: a message is sent only if work is waiting and its queue is short.

Plain beat publishes at every interval, whether a worker consumes or not: a night without a worker would leave thousands
of messages.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule
from kombu.exceptions import OperationalError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.queues.job import TRANSCODE_TASK, is_transcode_waiting
from models.queues.media_queue import has_claimable_media
from services.media.jobs import MEDIA_TASKS
from services.operations.samples import SAMPLE_TASK, is_sample_due
from services.operations.sweep import is_work_waiting
from services.operations.task_labels import TASK_LABELS
from services.readiness.arrivals import ARRIVAL_TASK, has_due_arrivals
from workers.celery.index_waker import MAX_QUEUED_MESSAGES
from workers.celery.metrics import HostCollector, RowsCollector, serve_metrics
from workers.config.settings import current_settings
from workers.config.version import read_version

log = logging.getLogger(__name__)

SWEEP_TASK, PURGE_EXPIRED_TASK = "maintenance.sweep", "maintenance.tidy"
ENSURE_INDEX_TASK, AUDIT_INDEX_TASK = "index.look", "index.audit"
ENSURE_INDEX_SECONDS, AUDIT_INDEX_SECONDS = 15.0, 6 * 3600.0
"""A comparison reads every document, and the differences it finds are rare faults, so it is not urgent."""
MEDIA_KIND_OF_TASK = {task: kind for kind, task in MEDIA_TASKS.items()}
"""Media kinds by task; beat notifies these tasks itself, because it knows their queue lengths."""
CLEAN_PICTURES_TASK, CLEAN_RENDITIONS_TASK = "media.tidy", "media.forget"
CLEANUP_SECONDS = 3600.0
WAITING_WORK: Mapping[str, Callable[[Session], bool]] = {
    ARRIVAL_TASK: has_due_arrivals,
    SAMPLE_TASK: is_sample_due,
    TRANSCODE_TASK: is_transcode_waiting,
}
"""Whether there is work for a task, by rows."""
ARRIVAL_SECONDS = 1.0
"""Who copied a card waits for the answer."""
SAMPLE_POLL_SECONDS = 15.0
"""A sample is due some minutes after the last one; the first is taken soon after the start."""


class ConditionalScheduler(Scheduler):
    """Scheduler in memory: the schedule is fixed, and due work is found in the rows."""

    _is_closed = False

    def setup_schedule(self) -> None:
        """Schedule the sweep and the queues at short intervals, cleanup and audits at long ones."""
        context = self.app.context
        settings = current_settings()
        rows = RowsCollector(context.sessions, self.app.queue_lengths, context.engine, self.app.worker_counts)
        serve_metrics(settings, rows, HostCollector(read_version(), settings.data, context.own_folders))
        self._seconds = min(context.timing.poll_seconds, context.timing.sweep_seconds)
        self.install_default_entries({})
        intervals = {
            SWEEP_TASK: self._seconds,
            **dict.fromkeys((PURGE_EXPIRED_TASK, CLEAN_PICTURES_TASK, CLEAN_RENDITIONS_TASK), CLEANUP_SECONDS),
        }
        intervals[SAMPLE_TASK] = SAMPLE_POLL_SECONDS
        intervals |= {ENSURE_INDEX_TASK: ENSURE_INDEX_SECONDS, AUDIT_INDEX_TASK: AUDIT_INDEX_SECONDS}
        intervals[ARRIVAL_TASK] = min(self._seconds, ARRIVAL_SECONDS)
        intervals |= dict.fromkeys((*MEDIA_KIND_OF_TASK, TRANSCODE_TASK), self._seconds)
        self.update_from_dict(
            {
                task: {
                    "task": task,
                    "schedule": schedule(every, app=self.app),
                    "options": {"argsrepr": TASK_LABELS[task], "kwargsrepr": ""},
                }
                for task, every in intervals.items()
            }
        )

    def close(self) -> None:
        self._is_closed = True
        super().close()

    def tick(self) -> float:
        """Send what is due; raises SystemExit once closed.

        The handler of SIGTERM closes the scheduler and raises SystemExit wherever the process is at that moment. A
        library may lose that: a beat without a broker then tried to reach it for ever.
        """
        if self._is_closed:
            raise SystemExit
        return float(super().tick())

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Send the task if it is needed; an outage of the database or broker is logged and survived."""
        if advance:
            entry = self.reserve(entry)
        try:
            if self._is_needed(entry.task):
                return super().apply_async(entry, producer, advance=False, **options)
        except (DBAPIError, OperationalError) as error:
            log.warning("%s: not sent: %s", entry.task, error)
        return None

    def _is_needed(self, task: str) -> bool:
        queue = task.partition(".")[0]
        # A queue that already has messages needs no further one.
        if self.app.queue_lengths([queue])[queue] >= MAX_QUEUED_MESSAGES:
            return False
        if task in (PURGE_EXPIRED_TASK, CLEAN_PICTURES_TASK, CLEAN_RENDITIONS_TASK, AUDIT_INDEX_TASK):
            return True
        if task == ENSURE_INDEX_TASK:
            return self.app.context.engine.indexes is not None
        with self.app.context.sessions() as session:
            if task in MEDIA_KIND_OF_TASK:
                return has_claimable_media(session, MEDIA_KIND_OF_TASK[task])
            if task in WAITING_WORK:
                return WAITING_WORK[task](session)
            return is_work_waiting(session, self.app.context.timing)
