"""Sweep and cleanup: notify workers again of work that lost its message, its worker or its lease; purge expired
rows."""

from collections.abc import Callable, Sequence

from celery import shared_task
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.index_queue import needs_ring
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.collection_purge import purge_collection_batch
from tasks.forgetting import forget_ended, forget_old
from tasks.job_leases import hand_out_jobs, is_job_waiting
from tasks.leases import park_crashed
from tasks.outgoing import outgoing_tasks
from tasks.purge import purge_batch
from tasks.segments_writing import purge_segments
from tasks.share_ends import end_shares, sweep_tokens
from watch.dispatch import hand_out

Ring = Callable[[str, Sequence[object]], None]

ISLANDS_WAIT = text("""
    SELECT EXISTS (
        SELECT FROM island WHERE dirty_since <= now() - make_interval(secs => :quiet) AND parked_at IS NULL
            AND (handed_until IS NULL OR handed_until <= now()) AND (lease_until IS NULL OR lease_until <= now())
    ) OR EXISTS (SELECT FROM island WHERE wait_until <= now() AND parked_at IS NULL)
""")


def is_anything_waiting(session: Session, timing: Timing) -> bool:
    """Return whether a sweep would find work. Beat sends it only then, so that messages do not pile up."""
    islands = bool(session.scalar(ISLANDS_WAIT, {"quiet": timing.quiet_seconds}))
    return islands or needs_ring(session) or is_job_waiting(session) or bool(outgoing_tasks(session))


def sweep(sessions: Sessions, timing: Timing, ring: Ring) -> int:
    """Dead-letter islands that kill their workers, dispatch due islands and jobs, and notify the drain and the
    outboxes.

    Return the number of messages sent.
    """
    # First, so that an island that kills its workers is not dispatched once more.
    transact(sessions, park_crashed)
    batches = transact(sessions, lambda session: hand_out(session, timing))
    for batch in batches:
        ring("ingest.island", batch)
    jobs = transact(sessions, lambda session: hand_out_jobs(session, timing))
    for task, job_id in jobs:
        ring(task, [job_id])
    with sessions() as session:
        drain, outgoing = needs_ring(session), outgoing_tasks(session)
    if drain:
        ring("index.drain", ())
    for task in outgoing:
        ring(task, ())
    return len(batches) + len(jobs) + int(drain) + len(outgoing)


def tidy(sessions: Sessions, timing: Timing) -> int:
    """Purge what was deleted long enough ago, end expired shares, delete expired rows; return the number of purged
    assets."""
    transact(sessions, forget_old)
    # Each batch is a transaction of its own: a large backlog must not hold locks or old rows for long.
    while transact(sessions, forget_ended):
        pass
    while transact(sessions, end_shares):
        pass
    transact(sessions, sweep_tokens)
    purged = 0
    while batch := transact(sessions, lambda session: purge_batch(session, timing.recycle_seconds)):
        purged += batch
    while transact(sessions, lambda session: purge_collection_batch(session, timing.recycle_seconds)):
        pass
    while transact(sessions, lambda session: purge_segments(session, timing.recycle_seconds)):
        pass
    return purged


@shared_task(name="maintenance.tidy", bind=True, ignore_result=True)
def tidy_rows(self: object, _ids: Sequence[object] = ()) -> None:
    """Purge expired rows."""
    tidy(self.app.context.sessions, self.app.context.timing)


@shared_task(name="maintenance.sweep", bind=True, ignore_result=True)
def sweep_rows(self: object, _ids: Sequence[object] = ()) -> None:
    """Notify workers of waiting work."""
    context = self.app.context
    sweep(context.sessions, context.timing, context.ring)
