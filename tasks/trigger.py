"""Tasks of the queue `trigger`: `trigger.NAME`, from any system that speaks Celery's JSON.

A message from another system has no row yet, so it is acknowledged late, after its job is committed. If a worker dies
before that, the message is delivered again; the job's id, which is the task's, makes that idempotent.
"""

import logging
import time
from typing import Any

from celery import Task, shared_task
from sqlalchemy.exc import OperationalError

from models.core.tracing import span
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.runner import TriggerEnvironment, TriggerMessage, receive_trigger
from services.triggers.spec import Trigger

log = logging.getLogger(__name__)

TRIGGER_SOFT_LIMIT_SECONDS, TRIGGER_HARD_LIMIT_SECONDS = 120, 150
"""Well below the visibility timeout of five minutes, after which an unacknowledged message is delivered to another
worker."""
MAX_TRIGGER_RETRY_SECONDS = 60


def read_traceparent(task: Task) -> str | None:
    """Return the sender's trace, from the header where OpenTelemetry's Celery instrumentation puts it."""
    given = task.request.get("traceparent")
    return given if isinstance(given, str) else None


def make_trigger_task(trigger: Trigger) -> Task:
    """Create the Celery task of one trigger."""

    def receive_message(self: Task, *args: Any, **kwargs: Any) -> None:
        context = self.app.context
        environment = TriggerEnvironment(context.trigger_user, context.outside)
        message = TriggerMessage(self.request.id, args, kwargs)
        try:
            with span("trigger", [read_traceparent(self)], trigger=trigger.name):
                receive_trigger(context.sessions, trigger, message, context.timing, environment, context.notify)
        except OperationalError as error:  # the database is down: retry, as nothing but the message exists yet
            log.warning("the database does not answer (%s); trigger %s waits", error.orig, self.request.id)
            # Waited for here: a message with a time to run at is refused (`workers.celery.guarded_consumer`).
            time.sleep(min(MAX_TRIGGER_RETRY_SECONDS, 2**self.request.retries))
            raise self.retry(countdown=0) from None

    return shared_task(
        name=f"trigger.{trigger.name}",
        bind=True,
        ignore_result=True,
        acks_late=True,
        reject_on_worker_lost=True,
        max_retries=None,
        soft_time_limit=TRIGGER_SOFT_LIMIT_SECONDS,
        time_limit=TRIGGER_HARD_LIMIT_SECONDS,
    )(receive_message)


TRIGGER_TASKS = {name: make_trigger_task(trigger) for name, trigger in TRIGGER_REGISTRY.items()}
