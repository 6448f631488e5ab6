"""The task of the queue `transcode`: make one rendition."""

from collections.abc import Sequence

from celery import Task, shared_task

from models.queues.job import TRANSCODE_TASK, JobClaim
from services.jobs.jobs import describe_jobs
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode


@shared_task(name=TRANSCODE_TASK, bind=True, ignore_result=True)
def run_transcode(self: Task, _ids: Sequence[object] = ()) -> str | None:
    """Run the next job. A duplicate message runs another job, or none."""
    context = self.app.context
    encoding = TranscodeContext(context.transcode_profiles, at_once=context.max_transcodes)

    def announce(claim: JobClaim) -> None:
        """Have Flower show the job: the message was sent before anything knew which one it would be."""
        self.app.show_started(self, f"{claim.title} ({claim.id})")

    claim = run_next_transcode(context.sessions, context.timing, encoding, context.notify, announce)
    if claim is None:
        return None
    context.notify("index.drain", ())
    with context.sessions() as session:
        return describe_jobs(session, [claim.id])
