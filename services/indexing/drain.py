"""Drain the index queue: build marked documents and write them to the engine in bulk until none is due.

All transaction boundaries are here: claim, snapshot for building, acknowledge. Each is short, and none is open while
the engine works. A document that fails never holds back the others of its batch.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import psycopg
from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.core.tracing import span
from models.queues.index_build import IndexTarget, lock_index_targets_shared, read_index_targets
from models.queues.index_queue import (
    DocumentKey,
    RefusedDocument,
    SentDocument,
    acknowledge_marks,
    claim_isolated_mark,
    claim_marks,
    count_claimable_marks,
    read_mark_traces,
    record_refusals,
    release_marks,
    renew_mark_leases,
)
from models.queues.notify import Notifier
from search.document import Document
from search.documents.builders import build_documents, count_fitting_documents
from search.engine import IndexMissingError, SearchEngine, SearchUnavailableError, WriteOutcome
from services.core.lease_heartbeat import lease_heartbeat
from services.indexing.indexes import reconcile_indexes

log = logging.getLogger(__name__)

MAX_INDEX_BATCH_DOCUMENTS = 500
"""Documents of one claim. 1,000 save at most a tenth of the time; 500 become visible twice as early."""
MAX_INDEX_BATCH_BYTES = 12_000_000
"""Text of the documents of one write. At worst it is in memory three times; with its overhead that stays below 64
MB."""
ISOLATED_RETRY_BATCHES = 20
"""Batches between two attempts at marks whose drain died, while the queue is too long to become empty in between."""
BACKOFF_LEASES = 0.1
"""Delay before a refused document is tried again, in lease times."""
OUTAGE_ERRORS = (
    SearchUnavailableError,
    OperationalError,
    InterfaceError,
    # Errors of COPY are raised as the driver's own types.
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
MIN_SHARED_DRAIN_DOCUMENTS = 4 * MAX_INDEX_BATCH_DOCUMENTS
"""Queue length from which a second process joins; a shorter queue is drained before that process has started."""
SECONDARY = (1,)
MAX_DRAIN_TASK_DOCUMENTS = 50_000
"""Documents of one message. A longer queue needs a further message, so that a worker that was asked to stop is not kept
busy until a backfill ends."""


@dataclass(frozen=True, slots=True)
class DrainResult:
    """Counts of one drain."""

    written: int = 0
    stale: int = 0
    """The engine already had a newer document."""
    refused: int = 0
    more: bool = False
    """The drain stopped at its limit."""

    @property
    def count(self) -> int:
        """Documents that were processed."""
        return self.written + self.stale + self.refused

    def __add__(self, other: "DrainResult") -> "DrainResult":
        return DrainResult(
            self.written + other.written, self.stale + other.stale, self.refused + other.refused, other.more
        )


def drain_index_queue(
    sessions: Sessions, engine: SearchEngine, timing: Timing, limit: int | None = None
) -> DrainResult:
    """Write documents until none is due or `limit` is reached. Any number of drains may run at once.

    Raises SearchUnavailableError if the engine does not answer; what it did not accept stays marked.
    """
    try:
        return _drain_until(IndexDrain(sessions, engine, timing), limit)
    except IndexMissingError:
        reconcile_indexes(sessions, engine)
        return _drain_until(IndexDrain(sessions, engine, timing), limit)


def drain_concurrently(
    sessions: Sessions, engine: SearchEngine, timing: Timing, limit: int | None = None, drains: int = 2
) -> DrainResult:
    """Run several drains at once: one builds documents while another waits for the engine."""
    each = None if limit is None else limit // drains
    with ThreadPoolExecutor(drains) as pool:
        running = [pool.submit(drain_index_queue, sessions, engine, timing, each) for _ in range(drains)]
    results = [future.result() for future in running]
    total = sum(results, DrainResult())
    return replace(total, more=any(result.more for result in results))


def _drain_until(drain: "IndexDrain", limit: int | None) -> DrainResult:
    done, batches = DrainResult(), 0
    # Before the first claim: while the engine is down, the queue is not touched.
    drain.engine.check()
    while limit is None or done.count < limit:
        room = MAX_INDEX_BATCH_DOCUMENTS if limit is None else min(MAX_INDEX_BATCH_DOCUMENTS, limit - done.count)
        batch = drain.send_batch(room)
        done += batch
        batches += 1
        if batch.count < room or batches % ISOLATED_RETRY_BATCHES == 0:
            suspects = drain.send_isolated(MAX_INDEX_BATCH_DOCUMENTS)
            done += suspects
            if not batch.count and not suspects.count:
                return done
    return done + DrainResult(more=True)


@dataclass(frozen=True, slots=True)
class IndexDrain:
    """Steps of one drain: each claims documents and completes or releases them."""

    sessions: Sessions
    engine: SearchEngine
    timing: Timing

    def send_batch(self, limit: int) -> DrainResult:
        """Write the most urgent documents."""
        return self._send_claimed(
            *self._claim_batch(lambda session: claim_marks(session, limit, self.timing.lease_seconds))
        )

    def send_isolated(self, limit: int) -> DrainResult:
        """Retry one by one what an earlier drain did not finish, so that one document cannot fail others with it."""
        done = DrainResult()
        for _ in range(limit):
            claimed = self._claim_batch(lambda session: claim_isolated_mark(session, self.timing.lease_seconds))
            if not claimed[0]:
                break
            done += self._send_claimed(*claimed)
        return done

    def _claim_batch(
        self, take: Callable[[Session], list[DocumentKey]]
    ) -> tuple[list[DocumentKey], tuple[IndexTarget, ...], list[str]]:
        """Return the keys of one claim, the indexes to write to, and the traces to continue."""

        def claim_some(session: Session) -> tuple[list[DocumentKey], tuple[IndexTarget, ...], list[str]]:
            keys = take(session)
            return keys, self._targets(session), read_mark_traces(session, keys)

        return transact(self.sessions, claim_some)

    def _targets(self, session: Session) -> tuple[IndexTarget, ...]:
        """Return the indexes to write to; none for an engine without indexes of its own."""
        if self.engine.indexes is None:
            return ()
        targets = read_index_targets(session)
        if not targets:
            raise IndexMissingError("the search engine has no index yet")
        if any(target.version > self.engine.indexes.version for target in targets):
            raise SearchUnavailableError("the index is of a newer version than this process: start it again")
        return targets

    def _send_claimed(
        self, keys: list[DocumentKey], targets: tuple[IndexTarget, ...], traces: list[str]
    ) -> DrainResult:
        """Write claimed documents. An outage releases all leases without counting an error: it is no document's
        fault."""
        if not keys:
            return DrainResult()
        try:
            with span("index.drain", traces, documents=len(keys)), self._keeping(keys, targets):
                return self._send(keys, targets)
        except OUTAGE_ERRORS:
            # Released at once: otherwise the batch would wait for the end of its leases after a short outage.
            transact(self.sessions, lambda session: release_marks(session, keys))
            raise

    def _keeping(self, keys: list[DocumentKey], targets: tuple[IndexTarget, ...]) -> AbstractContextManager[None]:
        """Renew the leases while an external engine works; writes into the database itself are fast enough."""
        if not targets:
            return nullcontext()
        return lease_heartbeat(
            self.sessions, lambda session: renew_mark_leases(session, keys, self.timing.lease_seconds), self.timing
        )

    def _send(self, keys: list[DocumentKey], targets: tuple[IndexTarget, ...]) -> DrainResult:
        """Write in parts that fit into memory; if a part fails, retry its documents one by one."""
        done, rest = DrainResult(), keys
        while rest:
            try:
                taken, part = self._send_part(rest, targets)
            except OUTAGE_ERRORS:
                raise
            except Exception as error:
                if len(rest) > 1:
                    return sum((self._send([key], targets) for key in rest), done)
                taken, part = 1, self._refuse(rest[0], error)
            done += part
            rest = rest[taken:]
        return done

    def _send_part(self, keys: list[DocumentKey], targets: tuple[IndexTarget, ...]) -> tuple[int, DrainResult]:
        """Build, write and acknowledge as many of `keys` as fit; return how many these were.

        If a rebuild began or ended meanwhile, write the same documents again to the current indexes: a mark may only be
        cleared under the index list that its document was written to.
        """
        built_at, taken, documents = read_snapshot(self.sessions, lambda session: _build_batch(session, keys))
        written: tuple[IndexTarget, ...] | None = None
        while written != targets:
            outcomes = self.engine.write(documents, [target.name for target in targets])
            written = targets
            finish = partial(self._finish, outcomes=outcomes, built_at=built_at, written=targets)
            targets = transact(self.sessions, finish)
        results = [outcome.result for outcome in outcomes]
        return taken, DrainResult(results.count("written"), results.count("stale"), results.count("refused"))

    def _finish(
        self, session: Session, outcomes: Sequence[WriteOutcome], built_at: datetime, written: tuple[IndexTarget, ...]
    ) -> tuple[IndexTarget, ...]:
        """Clear acknowledged marks and record the reasons of refusals, if the index list is unchanged; return the
        current list."""
        # Takes a shared advisory lock: no rebuild can add or remove an index before this transaction
        # clears.
        if written and (now := lock_index_targets_shared(session)) != written:
            return now
        sent = [
            SentDocument(*outcome.key, outcome.revision)
            for outcome in outcomes
            if outcome.result != "refused" and outcome.revision is not None
        ]
        refused = [
            RefusedDocument(*outcome.key, outcome.revision, outcome.reason)
            for outcome in outcomes
            if outcome.result == "refused"
        ]
        if sent:
            acknowledge_marks(session, sent, built_at)
        if refused:
            record_refusals(session, refused, self._backoff_seconds)
        return written

    def _refuse(self, key: DocumentKey, error: Exception) -> DrainResult:
        """Record the failure of a document that could not be sent."""
        log.error("%s %s could not be indexed", *key, exc_info=error)
        refused = [RefusedDocument(*key, None, f"{type(error).__name__}: {error}")]
        transact(self.sessions, lambda session: record_refusals(session, refused, self._backoff_seconds))
        return DrainResult(refused=1)

    @property
    def _backoff_seconds(self) -> float:
        return self.timing.lease_seconds * BACKOFF_LEASES


def _build_batch(session: Session, keys: list[DocumentKey]) -> tuple[datetime, int, list[Document]]:
    """Return the time of the snapshot, how many of `keys` fit into one write, and their documents."""
    taken = count_fitting_documents(session, keys, MAX_INDEX_BATCH_BYTES)
    return session.scalars(select(func.now())).one(), taken, build_documents(session, keys[:taken])


def run_drain(
    sessions: Sessions, engine: SearchEngine, timing: Timing, notify: Notifier, *, is_secondary: bool = False
) -> None:
    """Drain what is due, and send another message if that was too much for one.

    A long queue is shared with a second child of the worker, because building documents keeps one core busy. A
    secondary drain never asks for another one.
    """
    is_shared = engine.indexes is not None
    if is_shared and not is_secondary:
        due = transact(sessions, lambda session: count_claimable_marks(session, MIN_SHARED_DRAIN_DOCUMENTS + 1))
        if due > MIN_SHARED_DRAIN_DOCUMENTS:
            notify("index.drain", SECONDARY)
    try:
        # Two drains of an index in the same database would only wait for each other.
        done = drain_concurrently(sessions, engine, timing, MAX_DRAIN_TASK_DOCUMENTS, 2 if is_shared else 1)
    except SearchUnavailableError as error:
        log.warning("indexing failed, all documents stay queued: %s", error)
        return
    if done.more and not is_secondary:
        notify("index.drain", [])
