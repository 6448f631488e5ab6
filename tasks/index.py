"""Draining the index queue: what was marked becomes documents in the engine, in bulk, until nothing is due.

Every edge of a transaction is here: a claim, a snapshot to build in, and a clear, each short, with none open while the
engine works. What goes wrong with one document never keeps back the others of its batch.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import psycopg
from celery import Task, shared_task
from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models.index_build import Target, hold_targets, read_targets
from models.index_queue import (
    DocumentKey,
    Refused,
    Sent,
    claim,
    claim_suspect,
    clear,
    count_free,
    refuse,
    release,
    renew,
    traces_of,
)
from models.sessions import Sessions, snapshot, transact
from models.timing import Timing
from models.tracing import span
from search.building import build_documents, fitting
from search.documents import Document
from search.engine import IndexMissingError, Outcome, SearchEngine, SearchUnavailableError
from tasks.index_builds import look_after_indexes
from tasks.lease_keeper import keep_renewing
from tasks.media_jobs import ring_for_headers

log = logging.getLogger(__name__)

BATCH = 500
"""Documents of one claim: 1,000 save a tenth at most, and 500 are visible twice as early."""
BATCH_BYTES = 12_000_000
"""Text of the documents of one write. It stands in memory three times at worst, below 64 MB with all that is around."""
SUSPECTS_EVERY = 20
"""Batches between two looks at marks whose drain died, while the queue is too long to be empty in between."""
BACKOFF_LEASES = 0.1
"""Lease times before a refused document is tried again."""
OUTAGES = (
    SearchUnavailableError,
    OperationalError,
    InterfaceError,
    # COPY's errors come as the driver's own.
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
SHARED_FROM = 4 * BATCH
"""Documents that wait: fewer are done before another process has heard of them."""
BESIDE = (1,)
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
def drain_index(self: Task, beside: Sequence[int] = ()) -> None:
    """Drain what is due, and ring again where that was too much for one message.

    A long queue is shared: a second message, `beside` the first, has another child of the worker drain too, because
    building documents keeps a process to one core. That one calls nobody.
    """
    context = self.app.context
    is_shared = context.engine.indexes is not None
    if is_shared and not beside and is_longer(context.sessions, SHARED_FROM):
        context.ring("index.drain", BESIDE)
    try:
        # Where documents stand in the same database, two would only wait for each other.
        done = drain_together(context.sessions, context.engine, context.timing, TASK_LIMIT, 2 if is_shared else 1)
    except SearchUnavailableError as error:
        log.warning("nothing was indexed, all of it stays marked: %s", error)
        return
    if done.more and not beside:
        context.ring("index.drain", [])
    ring_for_headers(context.sessions, context.ring)


def is_longer(sessions: Sessions, documents: int) -> bool:
    """Whether more documents than that wait; they are counted no further."""
    return transact(sessions, lambda session: count_free(session, documents + 1)) > documents


def drain(sessions: Sessions, engine: SearchEngine, timing: Timing, limit: int | None = None) -> DrainResult:
    """Send documents until none is due or `limit` is reached; any number of drains may run at once.

    Raises SearchUnavailableError where the engine does not answer; what it did not take is marked as before.
    """
    try:
        return _drain(Drain(sessions, engine, timing), limit)
    except IndexMissingError:
        look_after_indexes(sessions, engine)
        return _drain(Drain(sessions, engine, timing), limit)


def drain_together(
    sessions: Sessions, engine: SearchEngine, timing: Timing, limit: int | None = None, drains: int = 2
) -> DrainResult:
    """The same with so many drains at once: one builds documents while another waits for the engine."""
    each = None if limit is None else limit // drains
    with ThreadPoolExecutor(drains) as pool:
        running = [pool.submit(drain, sessions, engine, timing, each) for _ in range(drains)]
    results = [future.result() for future in running]
    total = sum(results, DrainResult())
    return replace(total, more=any(result.more for result in results))


def _drain(drain: "Drain", limit: int | None) -> DrainResult:
    done, batches = DrainResult(), 0
    # Before anything is claimed: while the engine is away, the queue is not even touched.
    drain.engine.check()
    while limit is None or done.count < limit:
        room = BATCH if limit is None else min(BATCH, limit - done.count)
        batch = drain.send_batch(room)
        done += batch
        batches += 1
        if batch.count < room or batches % SUSPECTS_EVERY == 0:
            suspects = drain.send_suspects(BATCH)
            done += suspects
            if not batch.count and not suspects.count:
                return done
    return done + DrainResult(more=True)


@dataclass(frozen=True, slots=True)
class Drain:
    """The steps of one drain, each a claim and what becomes of it."""

    sessions: Sessions
    engine: SearchEngine
    timing: Timing

    def send_batch(self, limit: int) -> DrainResult:
        """Send what is most urgent."""
        return self._send_claimed(*self._claimed(lambda session: claim(session, limit, self.timing.lease_seconds)))

    def send_suspects(self, limit: int) -> DrainResult:
        """Send one by one what an earlier drain did not finish, so that one document takes no other down with it."""
        done = DrainResult()
        for _ in range(limit):
            claimed = self._claimed(lambda session: claim_suspect(session, self.timing.lease_seconds))
            if not claimed[0]:
                break
            done += self._send_claimed(*claimed)
        return done

    def _claimed(
        self, take: Callable[[Session], list[DocumentKey]]
    ) -> tuple[list[DocumentKey], tuple[Target, ...], list[str]]:
        """What one claim takes, where it is to be written, and the traces that it goes on with."""

        def claim_some(session: Session) -> tuple[list[DocumentKey], tuple[Target, ...], list[str]]:
            keys = take(session)
            return keys, self._targets(session), traces_of(session, keys)

        return transact(self.sessions, claim_some)

    def _targets(self, session: Session) -> tuple[Target, ...]:
        """Which indexes to write to; none where the engine has no indexes of its own."""
        if self.engine.indexes is None:
            return ()
        targets = read_targets(session)
        if not targets:
            raise IndexMissingError("the search engine has no index yet")
        if any(target.version > self.engine.indexes.version for target in targets):
            raise SearchUnavailableError("the index is of a newer version than this process: start it again")
        return targets

    def _send_claimed(self, keys: list[DocumentKey], targets: tuple[Target, ...], traces: list[str]) -> DrainResult:
        """Send claimed marks; an outage gives all of them back, because it is no document's fault."""
        if not keys:
            return DrainResult()
        try:
            with span("index.drain", traces, documents=len(keys)), self._keeping(keys, targets):
                return self._send(keys, targets)
        except OUTAGES:
            transact(self.sessions, lambda session: release(session, keys))
            raise

    def _keeping(self, keys: list[DocumentKey], targets: tuple[Target, ...]) -> AbstractContextManager[None]:
        """Keep the leases while an engine beside the database works; the database itself is quick enough."""
        if not targets:
            return nullcontext()
        return keep_renewing(
            self.sessions, lambda session: renew(session, keys, self.timing.lease_seconds), self.timing
        )

    def _send(self, keys: list[DocumentKey], targets: tuple[Target, ...]) -> DrainResult:
        """Send in parts that fit into memory; a part that fails is tried again one by one."""
        done, rest = DrainResult(), keys
        while rest:
            try:
                taken, part = self._send_part(rest, targets)
            except OUTAGES:
                raise
            except Exception as error:
                if len(rest) > 1:
                    return sum((self._send([key], targets) for key in rest), done)
                taken, part = 1, self._refuse(rest[0], error)
            done += part
            rest = rest[taken:]
        return done

    def _send_part(self, keys: list[DocumentKey], targets: tuple[Target, ...]) -> tuple[int, DrainResult]:
        """Build, write and clear as many of `keys` as fit, and say how many these were.

        Where a rebuild began or ended meanwhile, they are written once more, to the indexes of now: a mark is cleared
        only under the list that its document was written to.
        """
        built_at, taken, documents = snapshot(self.sessions, lambda session: _build(session, keys))
        written: tuple[Target, ...] | None = None
        while written != targets:
            outcomes = self.engine.write(documents, [target.name for target in targets])
            written = targets
            finish = partial(self._finish, outcomes=outcomes, built_at=built_at, written=targets)
            targets = transact(self.sessions, finish)
        results = [outcome.result for outcome in outcomes]
        return taken, DrainResult(*(results.count(result) for result in ("written", "stale", "refused")))

    def _finish(
        self, session: Session, outcomes: Sequence[Outcome], built_at: datetime, written: tuple[Target, ...]
    ) -> tuple[Target, ...]:
        """Clear what the engine has now, and keep the reasons for the rest, if the indexes are still those that were
        written to; which they are now."""
        if written and (now := hold_targets(session)) != written:
            return now
        sent = [Sent(*outcome.key, outcome.revision) for outcome in outcomes if outcome.result != "refused"]
        refused = [
            Refused(*outcome.key, outcome.revision, outcome.reason)
            for outcome in outcomes
            if outcome.result == "refused"
        ]
        if sent:
            clear(session, sent, built_at)
        if refused:
            refuse(session, refused, self._backoff_seconds)
        return written

    def _refuse(self, key: DocumentKey, error: Exception) -> DrainResult:
        """Keep what went wrong with a document that could not even be sent."""
        log.error("%s %s could not be indexed", *key, exc_info=error)
        refused = [Refused(*key, None, f"{type(error).__name__}: {error}")]
        transact(self.sessions, lambda session: refuse(session, refused, self._backoff_seconds))
        return DrainResult(refused=1)

    @property
    def _backoff_seconds(self) -> float:
        return self.timing.lease_seconds * BACKOFF_LEASES


def _build(session: Session, keys: list[DocumentKey]) -> tuple[datetime, int, list[Document]]:
    """When the snapshot was taken, how many of `keys` fit into one write, and their documents."""
    taken = fitting(session, keys, BATCH_BYTES)
    return session.scalar(select(func.now())), taken, build_documents(session, keys[:taken])
