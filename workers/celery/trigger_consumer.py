"""Restrict a worker that consumes only the queue `trigger` to trigger tasks.

Other systems have permission to publish to that one queue. Without this restriction they could run any of our tasks by
its name.
"""

import logging
from typing import Any

from celery import bootsteps
from celery.worker.consumer.tasks import Tasks

log = logging.getLogger(__name__)

TRIGGER_QUEUE = "trigger"


class TriggersOnlyStep(bootsteps.StartStopStep):
    """Removes every other task, so that a message for it fails like one for a task that does not exist."""

    requires = (Tasks,)

    def start(self, parent: Any) -> None:
        """Run at each connection, after the worker registered its tasks."""
        queues = set(parent.app.amqp.queues.consume_from)
        if queues == {TRIGGER_QUEUE}:
            for name in [name for name in parent.strategies if not name.startswith(f"{TRIGGER_QUEUE}.")]:
                del parent.strategies[name]
        elif TRIGGER_QUEUE in queues:
            log.warning(
                "the queue %s is listened to beside %s: give it a worker of its own",
                TRIGGER_QUEUE,
                queues - {TRIGGER_QUEUE},
            )
