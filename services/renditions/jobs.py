"""Transcode tasks: each message claims the oldest waiting job, and notifies another worker before it starts."""

from collections.abc import Callable, Sequence

from models.core.sessions import Sessions, transact
from services.jobs.leases import job_context
from services.renditions.cleanup import delete_orphaned_renditions
from services.renditions.encode import TranscodeContext, TranscodeRun
from services.renditions.queue import TRANSCODE_TASK, claim_next_transcode, is_transcode_waiting
from services.renditions.registry import move_renditions_to_sources

TranscodeNotifier = Callable[[str, Sequence[object]], None]


def run_next_transcode(by: TranscodeContext, notify: TranscodeNotifier) -> bool:
    """Claim and run the next job; return whether there was one."""
    claim = transact(by.sessions, lambda session: claim_next_transcode(session, by.timing, by.at_once))
    if claim is None:
        return False
    _notify_if_waiting(by, notify)
    with job_context(claim):
        TranscodeRun(by, claim).run()
    _notify_if_waiting(by, notify)
    return True


def _notify_if_waiting(by: TranscodeContext, notify: TranscodeNotifier) -> None:
    with by.sessions() as session:
        if is_transcode_waiting(session):
            notify(TRANSCODE_TASK, ())


def clean_up_renditions(sessions: Sessions) -> None:
    """Move renditions to the assets that have their sources now, and delete those without a source."""
    transact(sessions, move_renditions_to_sources)
    delete_orphaned_renditions(sessions)
