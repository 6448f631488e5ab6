"""Looking after rows that wait: whatever lost its message, its worker or its lease is rung for again."""

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
    """Whether a sweep would find something: beat rings only then, so that rings never pile up."""
    islands = bool(session.scalar(ISLANDS_WAIT, {"quiet": timing.quiet_seconds}))
    return islands or needs_ring(session) or is_job_waiting(session) or bool(outgoing_tasks(session))


def sweep(sessions: Sessions, timing: Timing, ring: Ring) -> int:
    """Park what kills its workers, hand out islands and jobs that nobody rang for, ring for marks; give the rings."""
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
    """Purge what was deleted long enough ago, end shares, forget what was kept for a time; give the purged assets."""
    transact(sessions, forget_old)
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
    """Throw away what nobody needs any more."""
    tidy(self.app.context.sessions, self.app.context.timing)


@shared_task(name="maintenance.sweep", bind=True, ignore_result=True)
def sweep_rows(self: object, _ids: Sequence[object] = ()) -> None:
    """Ring again for what waits."""
    context = self.app.context
    sweep(context.sessions, context.timing, context.ring)
