"""Tasks of the queue `media`: make previews, verify checksums, delete made files without a source."""

from collections.abc import Sequence

from celery import Task, shared_task

from models.core.sessions import transact
from services.job_kinds import run_job_message
from services.media.drain import run_media_queue
from services.media.previews import PREVIEW_TASK, delete_orphaned_pictures, preview_reading_for
from services.media.rebuild import MEDIA_REBUILD_TASK
from services.readiness.arrivals import ARRIVAL_TASK, create_arrival_jobs
from services.readiness.fixity import FIXITY_TASK
from services.readiness.jobs import READY_TASK
from services.renditions.jobs import clean_up_renditions
from services.sidecars.verification import CHECKSUM_TASK
from tasks import make_job_task


@shared_task(name=PREVIEW_TASK, bind=True, ignore_result=True)
def run_previews(self: Task, ids: Sequence[str] = ()) -> str | None:
    """Run the jobs `ids`, then make the pictures that are queued."""
    context = self.app.context
    ended = run_job_message(context, PREVIEW_TASK, ids)
    run_media_queue(context.sessions, preview_reading_for(context.media_folder), context.timing, context.notify)
    return ended


MEDIA_JOB_TASKS = [make_job_task(name) for name in (CHECKSUM_TASK, FIXITY_TASK, MEDIA_REBUILD_TASK, READY_TASK)]


@shared_task(name=ARRIVAL_TASK, bind=True, ignore_result=True)
def run_arrivals(self: Task, ids: Sequence[str] = ()) -> str | None:
    """Run the jobs `ids`; without ids, judge what arrived and is read."""
    context = self.app.context
    if not ids:
        ids = transact(context.sessions, lambda session: [str(job.id) for job in create_arrival_jobs(session)])
    return run_job_message(context, ARRIVAL_TASK, ids)


@shared_task(name="media.tidy", bind=True, ignore_result=True)
def clean_up_pictures(self: Task, _ids: Sequence[object] = ()) -> None:
    """Delete pictures of file sets that no longer exist."""
    delete_orphaned_pictures(self.app.context.sessions, self.app.context.media_folder)


@shared_task(name="media.forget", bind=True, ignore_result=True)
def clean_up_made_files(self: Task, _ids: Sequence[object] = ()) -> None:
    """Move renditions to the assets that have their sources now, and delete those without a source."""
    clean_up_renditions(self.app.context.sessions)
