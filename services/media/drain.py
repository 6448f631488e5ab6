"""Media queue drain: claim a batch of file sets, read it in a sandboxed child, write the results.

1. A short transaction leases media work; a snapshot loads the files to read.
2. Files are read with no transaction open; a thread renews the leases.
3. One fenced transaction writes all results and the jobs that report them. A file that killed the reader is retried
   alone; an unreadable one is reported on its format and in its own failed job, which a user can restart.

Media reading never delays ingest: while folders wait to be grouped, a message reads one small batch and ends, and beat
sends the next wake-up message some seconds later.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from media.sandbox.batch_reader import ReadEnd, ReadItem, ReadOutcome, SandboxReader
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ChildNotStartedError, ConfinedChild
from models.catalog.media_work import MediaKind
from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.queues.media_queue import (
    MAX_ISOLATED_FAILURES,
    MediaClaim,
    MediaFailure,
    claim_media,
    claim_media_by_id,
    complete_media,
    dead_letter_media,
    defer_media,
    fence_media,
    has_dirty_islands,
    release_media,
    renew_media_leases,
    retry_media_isolated,
)
from services.catalog.assets.sources import MAX_SOURCES_PER_SET, ReadableFileSet, load_readable_sets
from services.core.lease_heartbeat import lease_heartbeat
from services.media.jobs import FinishedSet, record_media_jobs

log = logging.getLogger(__name__)

MAX_BATCH_DURING_INGEST = 20
CHANGED_RETRY_SECONDS = 5.0
"""Retry delay for a file that changed on disk; the watcher queues it again once it sees the change."""
MAX_DRAIN_SECONDS = 60.0
"""Per message: then another wake-up message follows, so that other tasks run in between and a worker can shut down."""


@dataclass(frozen=True, slots=True)
class MediaReading:
    """One kind of media reading: the program, its requests, and the use of its answers."""

    kind: MediaKind
    program: str
    limits: ResourceLimits
    batch: int
    frames: int
    """Number of files of a sequence that are read."""
    ask: Callable[[ReadableFileSet], dict[str, Any]]
    keep: Callable[[Sequence["SetOutcome"]], Callable[[Session, Sequence["SetOutcome"]], Sequence[MediaFailure] | None]]
    """Called with the outcomes, with no transaction open; returns the function that writes those that are still
    current. That function may return troubles of its own: what was read but cannot be used.
    """
    members: int = MAX_SOURCES_PER_SET
    """Maximum number of files that are read of a set without a sequence."""
    takes: Callable[[str], bool] | None = None
    """Filter of the files of a set by name; None for all."""


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """A file set and the outcome of reading it."""

    read: ReadableFileSet
    outcome: ReadOutcome


@dataclass(slots=True)
class MediaDrainResult:
    """Result of a drain."""

    read: int = 0
    troubles: list[MediaFailure] = field(default_factory=list)
    more: bool = False
    """The time was over before the queue was empty."""


def drain_media(
    sessions: Sessions, reading: MediaReading, timing: Timing, seconds: float = MAX_DRAIN_SECONDS
) -> MediaDrainResult:
    """Read the queue for up to `seconds`; any number of drains may run at once."""
    done, end = MediaDrainResult(), time.monotonic() + seconds
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    with ConfinedChild(reading.program, reading.limits) as child:
        batches = BatchReader(sessions, reading, timing, owner, child)
        while time.monotonic() < end:
            with sessions() as session:
                is_yielding = has_dirty_islands(session)
            most = min(reading.batch, MAX_BATCH_DURING_INGEST) if is_yielding else reading.batch
            claims = batches.claim(most)
            if not claims:
                return done
            batches.read(claims, done)
            if is_yielding:
                return done
    done.more = True
    return done


def read_file_sets(
    sessions: Sessions, reading: MediaReading, timing: Timing, sets: Sequence[uuid.UUID]
) -> MediaDrainResult | None:
    """Read only these file sets, for a job; None if another worker is reading one of them."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    with ConfinedChild(reading.program, reading.limits) as child:
        batches = BatchReader(sessions, reading, timing, owner, child, records_jobs=False)
        done = MediaDrainResult()
        for place in range(MAX_ISOLATED_FAILURES):
            claims = transact(
                sessions, lambda session: claim_media_by_id(session, reading.kind, owner, timing.lease_seconds, sets)
            )
            if not claims:
                return done if place else None
            batches.read(claims, done)
        return done


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Steps of one drain."""

    sessions: Sessions
    reading: MediaReading
    timing: Timing
    owner: str
    child: ConfinedChild
    records_jobs: bool = True

    def claim(self, most: int) -> list[MediaClaim]:
        """Lease the oldest waiting work."""
        kind, lease = self.reading.kind, self.timing.lease_seconds
        return transact(self.sessions, lambda session: claim_media(session, kind, self.owner, lease, most))

    def read(self, claims: Sequence[MediaClaim], done: MediaDrainResult) -> None:
        """Read and write one batch. After an error in our own code its files are retried alone, like those that kill
        the reader."""
        try:
            self._read(claims, done)
        except ChildNotStartedError:
            transact(self.sessions, lambda session: self._give_back(session, claims, None))
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:500]
            transact(self.sessions, lambda session: self._give_back(session, claims, reason))
            raise

    def _give_back(self, session: Session, claims: Sequence[MediaClaim], reason: str | None) -> None:
        """Release the leases; with a reason if a file may have caused the error."""
        kind = self.reading.kind
        held = list(fence_media(session, kind, self.owner, claims))
        if reason is None:
            release_media(session, kind, held, CHANGED_RETRY_SECONDS)
        else:
            retry_media_isolated(session, kind, [MediaFailure(one, reason) for one in held], alone=len(claims) == 1)

    def _read(self, claims: Sequence[MediaClaim], done: MediaDrainResult) -> None:
        kind, lease = self.reading.kind, self.timing.lease_seconds

        def renew(session: Session) -> None:
            renew_media_leases(session, kind, self.owner, lease, claims)

        with lease_heartbeat(self.sessions, renew, self.timing):
            ids = [claim.file_set_id for claim in claims]
            sets = read_snapshot(
                self.sessions,
                lambda session: load_readable_sets(session, ids, self.reading.frames, self.reading.members),
            )
            if self.reading.takes is not None:
                for one in sets:
                    one.sources = [source for source in one.sources if self.reading.takes(source.name)]
                sets = [one for one in sets if one.sources]
            items = [ReadItem(one.id, one.sources, self.reading.ask(one)) for one in sets]
            by_id = {one.id: one for one in sets}
            alone = len(claims) == 1
            if alone and claims[0].failed_before:
                self.child.close()  # a fresh child: an earlier file must not cause this one to fail
            outcomes = [SetOutcome(by_id[one.item.key], one) for one in SandboxReader(self.child).read(items)]
            write = self.reading.keep(outcomes)
        finish = BatchCommit(self, claims, outcomes, write, alone)
        troubles = transact(self.sessions, finish.run)
        done.read += sum(one.outcome.end is ReadEnd.READ for one in outcomes)
        done.troubles += troubles
        for trouble in troubles:
            log.warning("%s: %s", kind.value.lower(), trouble.error)


@dataclass(frozen=True, slots=True)
class BatchCommit:
    """The transaction that completes a batch."""

    batches: BatchReader
    claims: Sequence[MediaClaim]
    outcomes: Sequence[SetOutcome]
    write: Callable[[Session, Sequence[SetOutcome]], Sequence[MediaFailure] | None]
    alone: bool

    def run(self, session: Session) -> list[MediaFailure]:
        """Write current results and complete, release or retry each file set; return the troubles that need a user."""
        kind = self.batches.reading.kind
        # The fence locks the rows that this drain still leases. `is_current` is false if the file set was queued again
        # meanwhile.
        held = fence_media(session, kind, self.batches.owner, self.claims)
        current = [one for one in self.outcomes if held.get(one.read.id)]
        answered = {one.read.id for one in self.outcomes}
        gone = [set_id for set_id, is_current in held.items() if is_current and set_id not in answered]
        complete_media(session, kind, [*_select_ids(current, ReadEnd.READ, ReadEnd.UNREADABLE), *gone])
        release_media(session, kind, [set_id for set_id, is_current in held.items() if not is_current])
        release_media(session, kind, _select_ids(current, ReadEnd.SKIPPED))
        defer_media(session, kind, _select_ids(current, ReadEnd.CHANGED), CHANGED_RETRY_SECONDS)
        bad = _select_troubles(current, ReadEnd.UNREADABLE) + self._park(session, current)
        told = {trouble.file_set_id for trouble in bad} | set(_select_ids(current, ReadEnd.READ))
        bad += self.write(session, [one for one in current if one.read.id in told]) or ()
        if self.batches.records_jobs:
            record_media_jobs(session, kind, _list_finished_sets(current, bad))
        return bad

    def _park(self, session: Session, current: Sequence[SetOutcome]) -> list[MediaFailure]:
        """Retry isolated what killed its reader, and dead-letter what exceeded a limit."""
        kind = self.batches.reading.kind
        limits = _select_troubles(current, ReadEnd.LIMIT)
        dead_letter_media(session, kind, limits)
        again = _select_troubles(current, ReadEnd.DIED, ReadEnd.ERROR)
        return limits + retry_media_isolated(session, kind, again, self.alone)


def _select_ids(outcomes: Sequence[SetOutcome], *ends: ReadEnd) -> list[uuid.UUID]:
    return [one.read.id for one in outcomes if one.outcome.end in ends]


def _select_troubles(outcomes: Sequence[SetOutcome], *ends: ReadEnd) -> list[MediaFailure]:
    return [MediaFailure(one.read.id, one.outcome.reason) for one in outcomes if one.outcome.end in ends]


def _list_finished_sets(outcomes: Sequence[SetOutcome], bad: Sequence[MediaFailure]) -> list[FinishedSet]:
    """List the file sets that jobs report: read ones, and unreadable ones."""
    reasons = {trouble.file_set_id: trouble.error for trouble in bad}
    return [
        FinishedSet(one.read.id, one.read.asset_id, one.read.name, reasons.get(one.read.id))
        for one in outcomes
        if one.outcome.end is ReadEnd.READ or one.read.id in reasons
    ]
