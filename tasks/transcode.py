"""The task of the queue `transcode`: make one rendition."""

from collections.abc import Sequence

from celery import Task, shared_task

from models.queues.job import TRANSCODE_TASK
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode


@shared_task(name=TRANSCODE_TASK, bind=True, ignore_result=True)
def run_transcode(self: Task, _ids: Sequence[object] = ()) -> None:
    """Run the next job. A duplicate message runs another job, or none."""
    context = self.app.context
    encoding = TranscodeContext(context.transcode_profiles, context.media_folder, at_once=context.max_transcodes)
    if run_next_transcode(context.sessions, context.timing, encoding, context.notify):
        context.notify("index.drain", ())
