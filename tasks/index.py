"""Draining the index queue: what was marked becomes documents in the engine, in bulk, until nothing is due.

Every edge of a transaction is here: a claim, a snapshot to build in, and a clear, each short, with none open while the
engine works. What goes wrong with one document never keeps back the others of its batch.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from celery import Task, shared_task
from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models.index_queue import DocumentKey, Refused, Sent, claim, claim_suspect, clear, refuse, release
from models.sessions import Sessions, snapshot, transact
from models.timing import Timing
from search.documents import Document, build_documents, fitting
from search.engine import Outcome, SearchEngine, SearchUnavailableError

log = logging.getLogger(__name__)

BATCH = 500
"""Documents of one claim: 1,000 save a tenth at most, and 500 are visible twice as early."""
BATCH_BYTES = 12_000_000
"""Text of the documents of one write. It stands in memory three times at worst, below 64 MB with all that is around."""
SUSPECTS_EVERY = 20
"""Batches between two looks at marks whose drain died, while the queue is too long to be empty in between."""
BACKOFF_SECONDS = 2.0
"""Before a refused document is tried again."""
OUTAGES = (
    SearchUnavailableError,
    OperationalError,
    InterfaceError,
    # COPY's errors come as the driver's own.
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
TASK_LIMIT = 50_000
"""Documents of one message: then it rings again, so that a worker that shall stop is not kept for a whole flood."""


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What a drain did."""

    written: int = 0
    stale: int = 0
    """The engine had a newer one already."""
    refused: int = 0
    more: bool = False
    """It stopped at its limit."""

    @property
    def count(self) -> int:
        """Documents that were taken up."""
        return self.written + self.stale + self.refused

    def __add__(self, other: "DrainResult") -> "DrainResult":
        return DrainResult(
            self.written + other.written, self.stale + other.stale, self.refused + other.refused, other.more
        )


@shared_task(name="index.drain", bind=True, ignore_result=True)
def drain_index(self: Task, *_: Any) -> None:
    """Drain what is due, and ring again where that was too much for one message."""
    context = self.app.context
    if drain(context.sessions, context.engine, context.timing, TASK_LIMIT).more:
        context.ring("index.drain", [])


def drain(sessions: Sessions, engine: SearchEngine, timing: Timing, limit: int | None = None) -> DrainResult:
    """Send documents until none is due or `limit` is reached; any number of drains may run at once.

    Raises SearchUnavailableError where the engine does not answer; what it did not take is marked as before.
    """
    done, batches = DrainResult(), 0
    while limit is None or done.count < limit:
        room = BATCH if limit is None else min(BATCH, limit - done.count)
        keys = transact(sessions, lambda session, room=room: claim(session, room, timing.lease_seconds))
        done += _send_claimed(sessions, engine, keys)
        batches += 1
        if len(keys) < room or batches % SUSPECTS_EVERY == 0:
            suspects = _drain_suspects(sessions, engine, timing)
            done += suspects
            if not keys and not suspects.count:
                return done
    return done + DrainResult(more=True)


def _drain_suspects(sessions: Sessions, engine: SearchEngine, timing: Timing) -> DrainResult:
    """Send one by one what an earlier drain did not finish, so that one document cannot take the others down again."""
    done = DrainResult()
    for _ in range(BATCH):
        key = transact(sessions, lambda session: claim_suspect(session, timing.lease_seconds))
        if key is None:
            break
        done += _send_claimed(sessions, engine, [key])
    return done


def _send_claimed(sessions: Sessions, engine: SearchEngine, keys: Sequence[DocumentKey]) -> DrainResult:
    """Send claimed marks; an outage gives all of them back, because it is no document's fault."""
    try:
        return _send(sessions, engine, keys)
    except OUTAGES:
        transact(sessions, lambda session: release(session, keys))
        raise


def _send(sessions: Sessions, engine: SearchEngine, keys: Sequence[DocumentKey]) -> DrainResult:
    """Build, write and clear, in parts that fit into memory; a part that fails is tried again one by one."""
    done, rest = DrainResult(), list(keys)
    while rest:
        try:
            built_at, taken, documents = snapshot(sessions, lambda session, rest=rest: _build(session, rest))
            outcomes = engine.write(documents)
        except OUTAGES:
            raise
        except Exception as error:
            if len(rest) > 1:
                return sum((_send(sessions, engine, [key]) for key in rest), done)
            log.exception("%s %s could not be indexed", *rest[0])
            built_at, taken = None, 1
            outcomes = [Outcome(rest[0], None, "refused", f"{type(error).__name__}: {error}")]
        transact(sessions, lambda session, outcomes=outcomes, at=built_at: _finish(session, outcomes, at))
        done += _tally(outcomes)
        rest = rest[taken:]
    return done


def _build(session: Session, keys: Sequence[DocumentKey]) -> tuple[datetime, int, list[Document]]:
    """When the snapshot was taken, how many of `keys` fit into one write, and their documents."""
    taken = fitting(session, keys, BATCH_BYTES)
    return session.scalar(select(func.now())), taken, build_documents(session, keys[:taken])


def _finish(session: Session, outcomes: Sequence[Outcome], built_at: datetime | None) -> None:
    """Clear what the engine has now, and keep the reasons for the rest."""
    sent = [Sent(*outcome.key, outcome.revision) for outcome in outcomes if outcome.result != "refused"]
    refused = [
        Refused(*outcome.key, outcome.revision, outcome.reason) for outcome in outcomes if outcome.result == "refused"
    ]
    if sent:
        clear(session, sent, built_at)
    if refused:
        refuse(session, refused, BACKOFF_SECONDS)


def _tally(outcomes: Sequence[Outcome]) -> DrainResult:
    results = [outcome.result for outcome in outcomes]
    return DrainResult(*(results.count(result) for result in ("written", "stale", "refused")))
