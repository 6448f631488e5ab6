"""Sweep and cleanup: notify workers again of work that lost its message, its worker or its lease; purge expired
rows."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_queue import has_claimable_marks
from models.queues.notify import Notifier
from services.catalog.segments.segments import purge_segments
from services.ingest.claims import dead_letter_crashed_islands
from services.jobs.leases import dispatch_jobs, is_job_waiting
from services.lifecycle.purge_assets import purge_asset_batch
from services.lifecycle.purge_collections import purge_collection_batch
from services.lifecycle.retention import delete_expired_keys_and_tokens, delete_expired_work
from services.outbound.outboxes import tasks_with_messages
from services.shares.expiry import delete_expired_share_tokens, record_expired_shares
from watch.dispatch import dispatch_islands

HAS_WAITING_ISLANDS = text("""
    SELECT EXISTS (
        SELECT FROM island WHERE dirty_since <= now() - make_interval(secs => :debounce) AND parked_at IS NULL
            AND (handed_until IS NULL OR handed_until <= now()) AND (lease_until IS NULL OR lease_until <= now())
    ) OR EXISTS (SELECT FROM island WHERE wait_until <= now() AND parked_at IS NULL)
""")


def is_work_waiting(session: Session, timing: Timing) -> bool:
    """Return whether a sweep would find work. Beat sends it only then, so that messages do not pile up."""
    islands = bool(session.scalar(HAS_WAITING_ISLANDS, {"debounce": timing.debounce_seconds}))
    return islands or has_claimable_marks(session) or is_job_waiting(session) or bool(tasks_with_messages(session))


def sweep_backlog(sessions: Sessions, timing: Timing, notify: Notifier) -> int:
    """Dead-letter islands that kill their workers, dispatch due islands and jobs, and notify the drain and the
    outboxes.

    Return the number of messages sent.
    """
    # First, so that an island that kills its workers is not dispatched once more.
    transact(sessions, dead_letter_crashed_islands)
    batches = transact(sessions, lambda session: dispatch_islands(session, timing))
    for batch in batches:
        notify("ingest.island", batch)
    jobs = transact(sessions, lambda session: dispatch_jobs(session, timing))
    for task, job_id in jobs:
        notify(task, [job_id])
    with sessions() as session:
        drain, outgoing = has_claimable_marks(session), tasks_with_messages(session)
    if drain:
        notify("index.drain", ())
    for task in outgoing:
        notify(task, ())
    return len(batches) + len(jobs) + int(drain) + len(outgoing)


def purge_expired_rows(sessions: Sessions, timing: Timing) -> int:
    """Purge what was deleted long enough ago, end expired shares, delete expired rows; return the number of purged
    assets."""
    transact(sessions, delete_expired_keys_and_tokens)
    # Each batch is a transaction of its own: a large backlog must not hold locks or old rows for long.
    while transact(sessions, delete_expired_work):
        pass
    while transact(sessions, record_expired_shares):
        pass
    transact(sessions, delete_expired_share_tokens)
    purged = 0
    while batch := transact(sessions, lambda session: purge_asset_batch(session, timing.recycle_seconds)):
        purged += batch
    while transact(sessions, lambda session: purge_collection_batch(session, timing.recycle_seconds)):
        pass
    while transact(sessions, lambda session: purge_segments(session, timing.recycle_seconds)):
        pass
    return purged
