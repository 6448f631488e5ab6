"""Sweep and cleanup: notify workers again of work that lost its message, its worker or its lease; purge expired
rows."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.island_dispatch import dispatch_islands
from models.queues.job import dispatch_jobs
from models.queues.notify import Notifier
from models.queues.registry import ISLAND_QUEUE, OUTBOXES, WORK_QUEUES
from services.catalog.segments.segments import purge_segments
from services.ingest.quiet import announce_quiet_sets, has_quiet_sets
from services.lifecycle.purge import purge_asset_batch, purge_collection_batch
from services.lifecycle.retention import delete_expired_keys_and_tokens, delete_expired_work
from services.shares.expiry import delete_expired_share_tokens, record_expired_shares


def is_work_waiting(session: Session, timing: Timing) -> bool:
    """Return whether a sweep would find work. Beat sends it only then, so that messages do not pile up."""
    swept = (queue for queue in WORK_QUEUES if queue.waits)
    is_waiting = any(queue.is_waiting(session, debounce=timing.debounce_seconds) for queue in swept)
    return is_waiting or has_quiet_sets(session, timing)


def sweep_backlog(sessions: Sessions, timing: Timing, notify: Notifier) -> int:
    """Dead-letter what kills its workers, dispatch due islands and jobs, and notify the tasks of the other queues.

    Return the number of messages sent.
    """
    # First, so that what kills its workers is not dispatched once more.
    for queue in (ISLAND_QUEUE, *OUTBOXES):
        transact(sessions, queue.dead_letter_crashed)
    transact(sessions, announce_quiet_sets, timing)
    messages: list[tuple[str, Sequence[object]]] = []
    messages += [(ISLAND_QUEUE.task, batch) for batch in transact(sessions, dispatch_islands, timing)]
    messages += [(task, [job_id]) for task, job_id in transact(sessions, dispatch_jobs, timing)]
    with sessions() as session:
        messages += [
            (queue.task, ())
            for queue in WORK_QUEUES
            if queue.waits and not queue.is_dispatched and queue.is_waiting(session)
        ]
    for task, ids in messages:
        notify(task, ids)
    return len(messages)


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
