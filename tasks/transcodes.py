"""Transcode tasks: each message claims the oldest waiting job, and notifies another worker before it starts."""

from collections.abc import Callable, Sequence
from typing import Any

from celery import Task, shared_task

from models.sessions import transact
from tasks.forgetting_renditions import forget_renditions
from tasks.held_renditions import follow_sources
from tasks.job_leases import about_job
from tasks.transcode_jobs import TASK, claim_next, is_transcode_waiting
from tasks.transcode_run import Run, Transcoder

Ring = Callable[[str, Sequence[object]], None]


def transcode_next(by: Transcoder, ring: Ring) -> bool:
    """Claim and run the next job; return whether there was one."""
    claim = transact(by.sessions, lambda session: claim_next(session, by.timing, by.at_once))
    if claim is None:
        return False
    _ring_for_more(by, ring)
    with about_job(claim):
        Run(by, claim).run()
    _ring_for_more(by, ring)
    return True


def _ring_for_more(by: Transcoder, ring: Ring) -> None:
    with by.sessions() as session:
        if is_transcode_waiting(session):
            ring(TASK, ())


@shared_task(name="media.forget", bind=True, ignore_result=True)
def forget(self: Task, _ids: Sequence[Any] = ()) -> None:
    """Move renditions to the assets that have their sources now, and delete those without a source."""
    sessions = self.app.context.sessions
    transact(sessions, follow_sources)
    forget_renditions(sessions)


@shared_task(name=TASK, bind=True, ignore_result=True)
def transcode(self: Task, _ids: Sequence[Any] = ()) -> None:
    """Run the next job. A duplicate message runs another job, or none."""
    context = self.app.context
    by = Transcoder(
        context.sessions,
        context.timing,
        context.transcode_profiles,
        context.media_folder,
        at_once=context.transcodes_at_once,
    )
    if transcode_next(by, context.ring):
        context.ring("index.drain", ())
