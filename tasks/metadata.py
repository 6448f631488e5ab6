"""Tasks of the queue `metadata`: read media headers and sidecars."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.job_kinds import run_job_message
from services.media.probe import PROBE_TASK, run_probe_queue
from services.sidecars.reader import SIDECAR_TASK, run_sidecar_queue


@shared_task(name=PROBE_TASK, bind=True, ignore_result=True)
def run_probes(self: Task, ids: Sequence[str] = ()) -> None:
    """Run the jobs `ids`, then probe what is queued."""
    context = self.app.context
    run_job_message(context, PROBE_TASK, ids)
    run_probe_queue(context.sessions, context.timing, context.notify)


@shared_task(name=SIDECAR_TASK, bind=True, ignore_result=True)
def run_sidecars(self: Task, ids: Sequence[str] = ()) -> None:
    """Run the jobs `ids`, then read the sidecars that are queued."""
    context = self.app.context
    run_job_message(context, SIDECAR_TASK, ids)
    run_sidecar_queue(context.sessions, context.timing, context.notify)
