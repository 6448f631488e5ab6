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

from media.confinement import Limits
from media.isolation import ChildNotStartedError, ConfinedChild
from media.reading import End, Item, Outcome, Reader
from models.media import MediaKind
from models.media_queue import (
    MOST_FAILURES,
    MediaClaim,
    Trouble,
    claim_media,
    claim_named,
    end_media,
    fence_media,
    is_ingest_waiting,
    park_media,
    put_off_media,
    renew_media,
    return_media,
    suspect_media,
)
from models.sessions import Sessions, snapshot, transact
from models.timing import Timing
from tasks.lease_keeper import keep_renewing
from tasks.media_jobs import Done, record_jobs
from tasks.media_sources import MOST_MEMBERS, SetToRead, read_sets

log = logging.getLogger(__name__)

BATCH_WHILE_INGEST_WAITS = 20
CHANGED_SECONDS = 5.0
"""Retry delay for a file that changed on disk; the watcher queues it again once it sees the change."""
LONGEST_SECONDS = 60.0
"""Per message: then another wake-up message follows, so that other tasks run in between and a worker can shut down."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of media reading: the program, its requests, and the use of its answers."""

    kind: MediaKind
    program: str
    limits: Limits
    batch: int
    frames: int
    """Number of files of a sequence that are read."""
    ask: Callable[[SetToRead], dict[str, Any]]
    keep: Callable[[Sequence["SetOutcome"]], Callable[[Session, Sequence["SetOutcome"]], Sequence[Trouble] | None]]
    """Called with the outcomes, with no transaction open; returns the function that writes those that are still
    current. That function may return troubles of its own: what was read but cannot be used.
    """
    members: int = MOST_MEMBERS
    """Maximum number of files that are read of a set without a sequence."""
    takes: Callable[[str], bool] | None = None
    """Filter of the files of a set by name; None for all."""


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """A file set and the outcome of reading it."""

    read: SetToRead
    outcome: Outcome


@dataclass(slots=True)
class Drained:
    """Result of a drain."""

    read: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    more: bool = False
    """The time was over before the queue was empty."""


def drain_media(sessions: Sessions, reading: Reading, timing: Timing, seconds: float = LONGEST_SECONDS) -> Drained:
    """Read the queue for up to `seconds`; any number of drains may run at once."""
    done, end = Drained(), time.monotonic() + seconds
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    with ConfinedChild(reading.program, reading.limits) as child:
        batches = Batches(sessions, reading, timing, owner, child)
        while time.monotonic() < end:
            with sessions() as session:
                is_yielding = is_ingest_waiting(session)
            most = min(reading.batch, BATCH_WHILE_INGEST_WAITS) if is_yielding else reading.batch
            claims = batches.claim(most)
            if not claims:
                return done
            batches.read(claims, done)
            if is_yielding:
                return done
    done.more = True
    return done


def read_named(sessions: Sessions, reading: Reading, timing: Timing, sets: Sequence[uuid.UUID]) -> Drained | None:
    """Read only these file sets, for a job; None if another worker is reading one of them."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    with ConfinedChild(reading.program, reading.limits) as child:
        batches = Batches(sessions, reading, timing, owner, child, tells_jobs=False)
        done = Drained()
        for place in range(MOST_FAILURES):
            claims = transact(
                sessions, lambda session: claim_named(session, reading.kind, owner, timing.lease_seconds, sets)
            )
            if not claims:
                return done if place else None
            batches.read(claims, done)
        return done


@dataclass(frozen=True, slots=True)
class Batches:
    """Steps of one drain."""

    sessions: Sessions
    reading: Reading
    timing: Timing
    owner: str
    child: ConfinedChild
    tells_jobs: bool = True

    def claim(self, most: int) -> list[MediaClaim]:
        """Lease the oldest waiting work."""
        kind, lease = self.reading.kind, self.timing.lease_seconds
        return transact(self.sessions, lambda session: claim_media(session, kind, self.owner, lease, most))

    def read(self, claims: Sequence[MediaClaim], done: Drained) -> None:
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
            return_media(session, kind, held, CHANGED_SECONDS)
        else:
            suspect_media(session, kind, [Trouble(one, reason) for one in held], alone=len(claims) == 1)

    def _read(self, claims: Sequence[MediaClaim], done: Drained) -> None:
        kind, lease = self.reading.kind, self.timing.lease_seconds

        def renew(session: Session) -> None:
            renew_media(session, kind, self.owner, lease, claims)

        with keep_renewing(self.sessions, renew, self.timing):
            ids = [claim.file_set_id for claim in claims]
            sets = snapshot(
                self.sessions, lambda session: read_sets(session, ids, self.reading.frames, self.reading.members)
            )
            if self.reading.takes is not None:
                for one in sets:
                    one.sources = [source for source in one.sources if self.reading.takes(source.name)]
                sets = [one for one in sets if one.sources]
            items = [Item(one.id, one.sources, self.reading.ask(one)) for one in sets]
            by_id = {one.id: one for one in sets}
            alone = len(claims) == 1
            if alone and claims[0].is_blamed:
                self.child.close()  # a fresh child: an earlier file must not cause this one to fail
            outcomes = [SetOutcome(by_id[one.item.key], one) for one in Reader(self.child).read(items)]
            write = self.reading.keep(outcomes)
        finish = Finish(self, claims, outcomes, write, alone)
        troubles = transact(self.sessions, finish.run)
        done.read += sum(one.outcome.end is End.READ for one in outcomes)
        done.troubles += troubles
        for trouble in troubles:
            log.warning("%s: %s", kind.value.lower(), trouble.error)


@dataclass(frozen=True, slots=True)
class Finish:
    """The transaction that completes a batch."""

    batches: Batches
    claims: Sequence[MediaClaim]
    outcomes: Sequence[SetOutcome]
    write: Callable[[Session, Sequence[SetOutcome]], Sequence[Trouble] | None]
    alone: bool

    def run(self, session: Session) -> list[Trouble]:
        """Write current results and complete, release or retry each file set; return the troubles that need a user."""
        kind = self.batches.reading.kind
        # The fence locks the rows that this drain still leases. `is_current` is false if the file set was queued again
        # meanwhile.
        held = fence_media(session, kind, self.batches.owner, self.claims)
        current = [one for one in self.outcomes if held.get(one.read.id)]
        answered = {one.read.id for one in self.outcomes}
        gone = [set_id for set_id, is_current in held.items() if is_current and set_id not in answered]
        end_media(session, kind, [*_ids(current, End.READ, End.UNREADABLE), *gone])
        return_media(session, kind, [set_id for set_id, is_current in held.items() if not is_current])
        return_media(session, kind, _ids(current, End.SKIPPED))
        put_off_media(session, kind, _ids(current, End.CHANGED), CHANGED_SECONDS)
        bad = _troubles(current, End.UNREADABLE) + self._park(session, current)
        told = {trouble.file_set_id for trouble in bad} | set(_ids(current, End.READ))
        bad += self.write(session, [one for one in current if one.read.id in told]) or ()
        if self.batches.tells_jobs:
            record_jobs(session, kind, _done(current, bad))
        return bad

    def _park(self, session: Session, current: Sequence[SetOutcome]) -> list[Trouble]:
        """Retry isolated what killed its reader, and dead-letter what exceeded a limit."""
        kind = self.batches.reading.kind
        limits = _troubles(current, End.LIMIT)
        park_media(session, kind, limits)
        again = _troubles(current, End.DIED, End.ERROR)
        return limits + suspect_media(session, kind, again, self.alone)


def _ids(outcomes: Sequence[SetOutcome], *ends: End) -> list[uuid.UUID]:
    return [one.read.id for one in outcomes if one.outcome.end in ends]


def _troubles(outcomes: Sequence[SetOutcome], *ends: End) -> list[Trouble]:
    return [Trouble(one.read.id, one.outcome.reason) for one in outcomes if one.outcome.end in ends]


def _done(outcomes: Sequence[SetOutcome], bad: Sequence[Trouble]) -> list[Done]:
    """List the file sets that jobs report: read ones, and unreadable ones."""
    reasons = {trouble.file_set_id: trouble.error for trouble in bad}
    return [
        Done(one.read.id, one.read.asset_id, one.read.name, reasons.get(one.read.id))
        for one in outcomes
        if one.outcome.end is End.READ or one.read.id in reasons
    ]
