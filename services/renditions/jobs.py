"""Transcode tasks: each message claims the oldest waiting job, and notifies another worker before it starts."""

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job_queue import TRANSCODE_TASK, claim_next_transcode, is_transcode_waiting
from models.queues.notify import Notifier
from services.jobs.runner import JobKind, JobRun
from services.renditions.cleanup import delete_orphaned_renditions
from services.renditions.encode import TranscodeContext, TranscodeRun
from services.renditions.registry import move_renditions_to_sources


def transcode_jobs(by: TranscodeContext) -> JobKind:
    """Return the transcode jobs."""
    return JobKind(TRANSCODE_TASK, lambda run: TranscodeRun(by, run).transcode())


def run_next_transcode(sessions: Sessions, timing: Timing, by: TranscodeContext, notify: Notifier) -> bool:
    """Claim and run the next job; return whether there was one."""
    claim = transact(sessions, lambda session: claim_next_transcode(session, timing, by.at_once))
    if claim is None:
        return False
    _notify_if_waiting(sessions, notify)
    transcode_jobs(by).run_claimed(JobRun(sessions, timing, claim))
    _notify_if_waiting(sessions, notify)
    return True


def _notify_if_waiting(sessions: Sessions, notify: Notifier) -> None:
    with sessions() as session:
        if is_transcode_waiting(session):
            notify(TRANSCODE_TASK, ())


def clean_up_renditions(sessions: Sessions) -> None:
    """Move renditions to the assets that have their sources now, and delete those without a source."""
    transact(sessions, move_renditions_to_sources)
    delete_orphaned_renditions(sessions)
