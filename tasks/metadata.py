"""Tasks of the queue `metadata`: read media headers and sidecars."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.job_kinds import run_job_message
from services.media.drain import run_media_queue
from services.media.probe import PROBE_READING, PROBE_TASK
from services.sidecars.reader import SIDECAR_READING, SIDECAR_TASK


@shared_task(name=PROBE_TASK, bind=True, ignore_result=True)
def run_probes(self: Task, ids: Sequence[str] = ()) -> str | None:
    """Run the jobs `ids`, then probe what is queued."""
    context = self.app.context
    ended = run_job_message(context, PROBE_TASK, ids)
    run_media_queue(context.sessions, PROBE_READING, context.timing, context.notify)
    return ended


@shared_task(name=SIDECAR_TASK, bind=True, ignore_result=True)
def run_sidecars(self: Task, ids: Sequence[str] = ()) -> str | None:
    """Run the jobs `ids`, then read the sidecars that are queued."""
    context = self.app.context
    ended = run_job_message(context, SIDECAR_TASK, ids)
    run_media_queue(context.sessions, SIDECAR_READING, context.timing, context.notify)
    return ended
