"""Tasks of the queue `ingest`: group the files of dirty islands into assets."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.core.text import pluralize
from services.ingest.run import ingest_islands
from services.media.jobs import notify_media_readers


@shared_task(name="ingest.island", bind=True, ignore_result=True)
def ingest_island(self: Task, ids: Sequence[int]) -> str:
    """Group the islands `ids` (database ids), then have their media read."""
    context = self.app.context
    finished = ingest_islands(context.sessions, ids, context.timing, context.notify, context.ingest_effects)
    if finished:
        notify_media_readers(context.sessions, context.notify)
    return f"{pluralize(finished, 'folder')} grouped"
