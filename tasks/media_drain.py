"""Reading what waits in the media queue: claim a batch, read it in a confined child, write what came of it.

1. A short transaction takes leases; another one, a snapshot, says which files are to be read.
2. They are read with no transaction open; a thread keeps the leases.
3. One transaction writes all results under the fence, and the jobs that tell of them. What its reader died of waits to
   be read again, alone; what cannot be read is told on its format and in a job of its own, which starts it again.

Media never keep ingest waiting: while folders wait to be grouped, a message reads one small batch and ends, and beat
rings for the next one some seconds later.
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
"""What changed on disk is new work once the watcher sees it; until then it is looked at again now and then."""
LONGEST_SECONDS = 60.0
"""Of one message: then it rings again, so that others come in between and a worker that shall stop is not kept."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of reading: the program, what it is asked, and what becomes of its answers."""

    kind: MediaKind
    program: str
    limits: Limits
    batch: int
    frames: int
    """How many files of a sequence are read."""
    ask: Callable[[SetToRead], dict[str, Any]]
    keep: Callable[[Sequence["SetOutcome"]], Callable[[Session, Sequence["SetOutcome"]], Sequence[Trouble] | None]]
    """Takes the results out of the answers, with no transaction open; gives what writes those that still count, and
    of those that were not read, why. What was read and cannot be used is a trouble then."""
    members: int = MOST_MEMBERS
    """How many files are read of a set of several that are no sequence."""
    takes: Callable[[str], bool] | None = None
    """Which files of a set are read, by name; all of them without."""


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """A file set and what became of reading it."""

    read: SetToRead
    outcome: Outcome


@dataclass(slots=True)
class Drained:
    """What a drain did."""

    read: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    more: bool = False
    """It stopped before the queue was empty."""


def drain_media(sessions: Sessions, reading: Reading, timing: Timing, seconds: float = LONGEST_SECONDS) -> Drained:
    """Read what waits, for so long; any number of drains may run at once."""
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
    """Read these file sets alone, as a person asked; None where somebody is reading one of them."""
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
    """The steps of one drain."""

    sessions: Sessions
    reading: Reading
    timing: Timing
    owner: str
    child: ConfinedChild
    tells_jobs: bool = True

    def claim(self, most: int) -> list[MediaClaim]:
        """Take what waits longest."""
        kind, lease = self.reading.kind, self.timing.lease_seconds
        return transact(self.sessions, lambda session: claim_media(session, kind, self.owner, lease, most))

    def read(self, claims: Sequence[MediaClaim], done: Drained) -> None:
        """Read and write one batch; what goes wrong in our own code is tried again one by one, like what kills."""
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
        """Let go of what was claimed, with a reason where it may be the file's fault."""
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
                self.child.close()  # it shall not be blamed for what an earlier file left behind
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
    """The transaction that ends a batch."""

    batches: Batches
    claims: Sequence[MediaClaim]
    outcomes: Sequence[SetOutcome]
    write: Callable[[Session, Sequence[SetOutcome]], Sequence[Trouble] | None]
    alone: bool

    def run(self, session: Session) -> list[Trouble]:
        """Write what still counts, and say where each file set goes; gives those that a person has to look at."""
        kind = self.batches.reading.kind
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
        """Have what went wrong tried again, or wait for a person."""
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
    """What a job tells of: what was read, and what cannot be."""
    reasons = {trouble.file_set_id: trouble.error for trouble in bad}
    return [
        Done(one.read.id, one.read.asset_id, one.read.name, reasons.get(one.read.id))
        for one in outcomes
        if one.outcome.end is End.READ or one.read.id in reasons
    ]
