"""Hooks around every task: its ids in each log line, and its duration in the metrics."""

import time
from contextlib import ExitStack
from typing import Any

from celery.signals import task_postrun, task_prerun

from models.core.log_context import bind_log_fields
from workers.celery.metrics import TASK_SECONDS

RUNNING_TASKS: dict[str, tuple[float, ExitStack]] = {}
"""Start and exit stack of the running tasks of this process; a child runs one at a time."""


@task_prerun.connect
def begin_task(task_id: str, task: Any, **_: Any) -> None:
    """Record the start of a task."""
    stack = ExitStack()
    stack.enter_context(bind_log_fields(task=task.name, task_id=task_id))
    RUNNING_TASKS[task_id] = (time.perf_counter(), stack)


@task_postrun.connect
def end_task(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Record the end of a task."""
    if task_id not in RUNNING_TASKS:
        return
    started, stack = RUNNING_TASKS.pop(task_id)
    stack.close()
    TASK_SECONDS.labels(task.name, (state or "UNKNOWN").lower()).observe(time.perf_counter() - started)
