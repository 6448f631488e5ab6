"""How long each task took, measured where it ran: in the worker's children."""

import time
from typing import Any

from celery.signals import task_postrun, task_prerun

from workers.metrics import TASK_SECONDS

STARTED: dict[str, float] = {}
"""When the tasks of this process began; a child runs one at a time."""


@task_prerun.connect
def begin(task_id: str, **_: Any) -> None:
    """Remember when a task began."""
    STARTED[task_id] = time.perf_counter()


@task_postrun.connect
def end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Measure a task that ended, however it did."""
    started = STARTED.pop(task_id, None)
    if started is not None:
        TASK_SECONDS.labels(task.name, (state or "UNKNOWN").lower()).observe(time.perf_counter() - started)
