"""Tasks of the queue `media`: make previews, verify checksums, delete made files without a source."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.jobs.jobs import parse_ids
from services.media.previews import PREVIEW_TASK, delete_orphaned_pictures, run_preview_jobs
from services.renditions.jobs import clean_up_renditions
from services.sidecars.verification import CHECKSUM_TASK, run_checksum_jobs


@shared_task(name=PREVIEW_TASK, bind=True, ignore_result=True)
def run_previews(self: Task, ids: Sequence[str] = ()) -> None:
    """Run the jobs `ids`, then make the pictures that are queued."""
    context = self.app.context
    run_preview_jobs(context.sessions, parse_ids(ids), context.timing, context.notify, context.media_folder)


@shared_task(name=CHECKSUM_TASK, bind=True, ignore_result=True)
def run_checksum_verification(self: Task, ids: Sequence[str] = ()) -> None:
    """Run the verification jobs `ids`, then wake the indexer."""
    context = self.app.context
    run_checksum_jobs(context.sessions, parse_ids(ids), context.timing)
    context.notify("index.drain", ())


@shared_task(name="media.tidy", bind=True, ignore_result=True)
def clean_up_pictures(self: Task, _ids: Sequence[object] = ()) -> None:
    """Delete pictures of file sets that no longer exist."""
    delete_orphaned_pictures(self.app.context.sessions, self.app.context.media_folder)


@shared_task(name="media.forget", bind=True, ignore_result=True)
def clean_up_made_files(self: Task, _ids: Sequence[object] = ()) -> None:
    """Move renditions to the assets that have their sources now, and delete those without a source."""
    clean_up_renditions(self.app.context.sessions)
