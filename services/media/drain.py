"""Media queue drain: claim a batch of file sets, read it in a sandboxed child, write the results.

1. A short transaction leases media work; a snapshot loads the files to read.
2. Files are read with no transaction open; a thread renews the leases.
3. One fenced transaction writes all results and the jobs that report them. A file that killed the reader is retried
   alone; an unreadable one is reported on its format and in its own failed job, which a user can restart.

Media reading never delays ingest: while folders wait to be grouped, a message reads one small batch and ends, and beat
sends the next wake-up message some seconds later.

A job that reads media again on request reads only its own file sets."""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from media.sandbox.batch_reader import FamilyReader, ReadEnd, ReadItem, ReadOutcome
from media.sandbox.families import MediaFamily
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ChildNotStartedError, ConfinedChild
from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.queues.job import JobStatus
from models.queues.media_queue import (
    HAS_QUEUED_SETS,
    MAX_ISOLATED_READINGS,
    MEDIA_BY_ID,
    MEDIA_QUEUE,
    MediaClaim,
    MediaKind,
    claim_media,
    has_dirty_islands,
    queue_media,
)
from models.queues.notify import Notifier
from services.catalog.assets.sources import MAX_SOURCES_PER_SET, ReadableFileSet, load_readable_sets
from services.core.folder_markers import find_media_folder_fault
from services.core.lease_heartbeat import lease_heartbeat
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun
from services.media.jobs import MEDIA_TASKS, join_reasons, record_media_jobs
from watch.root_visibility import find_unseen_storages

log = logging.getLogger(__name__)

MAX_BATCH_DURING_INGEST = 20
CHANGED_RETRY_SECONDS = 5.0
"""Retry delay for a file that changed on disk; the watcher queues it again once it sees the change."""
MAX_DRAIN_SECONDS = 60.0
"""Per message: then another wake-up message follows, so that other tasks run in between and a worker can shut down."""


STILLS_PROGRAM = "media.stills.program"
MediaChildren = Mapping[MediaFamily, ConfinedChild]


def name_sources(read: ReadableFileSet) -> dict[str, Any]:
    """Build the request for a file set: the names of its files."""
    return {"names": [source.name for source in read.sources]}


class MediaFolderError(Exception):
    """The media folder is not that of the system: its mount was lost since the claim, or during it."""


@dataclass(frozen=True, slots=True)
class MediaReading:
    """One kind of media reading: the program, its requests, and the use of its answers."""

    kind: MediaKind
    programs: Mapping[MediaFamily, str]
    """The program of each family of files; files of a family without one go to that of VIDEO."""
    limits: ResourceLimits
    batch: int
    frames: int
    """Number of files of a sequence that are read."""
    keep: Callable[[Sequence["SetOutcome"]], "ResultWriter"]
    """Called with the outcomes, with no transaction open; returns the function that writes those that are still
    current. That function may return reasons of its own, by file set: what was read but cannot be used.
    """
    ask: Callable[[ReadableFileSet], dict[str, Any]] = name_sources
    members: int = MAX_SOURCES_PER_SET
    """Maximum number of files that are read of a set without a sequence."""
    takes: Callable[[str], bool] | None = None
    """Filter of the files of a set by name; None for all."""
    wakes: Sequence[str] = ()
    """Tasks that have work once something was read."""
    folder: Path | None = None
    """Folder for the results, which must be the one that all machines share."""

    def find_folder_fault(self, sessions: Sessions) -> str | None:
        """Return why this process must not write results, or None."""
        return None if self.folder is None else find_media_folder_fault(sessions, self.folder)

    @contextmanager
    def start(self) -> Iterator[MediaChildren]:
        """Return the children of all programs; each process starts with its first file."""
        with ExitStack() as stack:
            yield {
                family: stack.enter_context(ConfinedChild(program, self.limits))
                for family, program in self.programs.items()
            }


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """A file set and the outcome of reading it."""

    read: ReadableFileSet
    outcome: ReadOutcome


ResultWriter = Callable[[Session, Sequence[SetOutcome]], Mapping[uuid.UUID, str] | None]


@dataclass(slots=True)
class MediaDrainResult:
    """Result of a drain."""

    read: int = 0
    troubles: dict[uuid.UUID, str] = field(default_factory=dict)
    """Reasons why file sets could not be read, by id; each begins with the name of the file."""
    more: bool = False
    """The time was over before the queue was empty."""


def drain_media(
    sessions: Sessions, reading: MediaReading, timing: Timing, seconds: float = MAX_DRAIN_SECONDS
) -> MediaDrainResult:
    """Read the queue for up to `seconds`; any number of drains may run at once."""
    done, end = MediaDrainResult(), time.monotonic() + seconds
    if fault := reading.find_folder_fault(sessions):
        log.error("no %s is read: %s", reading.kind.value.lower(), fault)
        return done
    with reading.start() as children:
        batches = BatchReader(sessions, reading, timing, children)
        while time.monotonic() < end:
            with sessions() as session:
                is_yielding = has_dirty_islands(session)
            most = min(reading.batch, MAX_BATCH_DURING_INGEST) if is_yielding else reading.batch
            unseen = find_unseen_storages(sessions)
            claims = transact(sessions, claim_media, reading.kind, timing, most, unseen)
            if not claims:
                return done
            batches.read(claims, done)
            if is_yielding:
                return done
    done.more = True
    return done


def run_media_queue(sessions: Sessions, reading: MediaReading, timing: Timing, notify: Notifier) -> None:
    """Read what is queued, and notify the tasks that use it; this one too if its time was over before."""
    done = drain_media(sessions, reading, timing)
    for task in (*(reading.wakes if done.read else ()), *([MEDIA_TASKS[reading.kind]] if done.more else ())):
        notify(task, ())


def read_file_sets(
    sessions: Sessions, reading: MediaReading, timing: Timing, sets: Sequence[uuid.UUID]
) -> MediaDrainResult | None:
    """Read only these file sets, for a job; None if another worker is reading one of them, or has to."""
    if reading.find_folder_fault(sessions):
        return None
    unseen = list(find_unseen_storages(sessions))
    done, asked = MediaDrainResult(), {"kind": reading.kind.value, "sets": list(sets), "unseen": unseen}
    with reading.start() as children:
        batches = BatchReader(sessions, reading, timing, children, records_jobs=False)
        for place in range(MAX_ISOLATED_READINGS):
            claims = transact(sessions, MEDIA_QUEUE.claim, timing, len(sets), MEDIA_BY_ID, **asked)
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
    children: MediaChildren
    records_jobs: bool = True

    def read(self, claims: Sequence[MediaClaim], done: MediaDrainResult) -> None:
        """Read and write one batch. After an error in our own code its files are retried alone, like those that kill
        the reader."""
        try:
            self._read(claims, done)
        except (ChildNotStartedError, MediaFolderError):
            transact(self.sessions, MEDIA_QUEUE.release, claims, CHANGED_RETRY_SECONDS)
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:500]
            transact(self.sessions, _retry_alone, claims, [reason] * len(claims), len(claims) == 1)
            raise

    def _read(self, claims: Sequence[MediaClaim], done: MediaDrainResult) -> None:
        renew = partial(MEDIA_QUEUE.heartbeat, leases=claims, timing=self.timing)
        with lease_heartbeat(self.sessions, renew, self.timing):
            ids = [claim.id for claim in claims]
            sets = read_snapshot(self.sessions, load_readable_sets, ids, self.reading.frames, self.reading.members)
            if self.reading.takes is not None:
                for one in sets:
                    one.sources = [source for source in one.sources if self.reading.takes(source.name)]
                sets = [one for one in sets if one.sources]
            kind = {"reading": self.reading.kind.value}
            items = [ReadItem(one.id, one.sources, kind | self.reading.ask(one)) for one in sets]
            by_id = {one.id: one for one in sets}
            if len(claims) == 1 and claims[0].failed_before:
                for child in self.children.values():
                    child.close()  # a fresh child: an earlier file must not cause this one to fail
            outcomes = [SetOutcome(by_id[one.item.key], one) for one in FamilyReader(self.children).read(items)]
            write = self.reading.keep(outcomes)
            if fault := self.reading.find_folder_fault(self.sessions):
                raise MediaFolderError(fault)
            lost = self._find_lost(outcomes)
        troubles = transact(self.sessions, self._commit, claims, outcomes, write, lost)
        done.read += sum(one.outcome.end is ReadEnd.READ for one in outcomes)
        done.troubles |= troubles
        if troubles:
            log.warning("%s: %s", self.reading.kind.value.lower(), join_reasons(list(troubles.values())))

    def _find_lost(self, outcomes: Sequence[SetOutcome]) -> set[uuid.UUID]:
        """Return the file sets that seem changed because the mount of their storage was lost meanwhile."""
        changed = [one.read for one in outcomes if one.outcome.end is ReadEnd.CHANGED]
        unseen = find_unseen_storages(self.sessions) if changed else {}
        return {one.id for one in changed if one.storage_id in unseen}

    def _commit(
        self,
        session: Session,
        claims: Sequence[MediaClaim],
        outcomes: Sequence[SetOutcome],
        write: ResultWriter,
        lost: Set[uuid.UUID],
    ) -> dict[uuid.UUID, str]:
        """Write current results and complete, release or retry each file set; return the reasons that need a user, by
        file set."""
        revisions = MEDIA_QUEUE.fence(session, claims)
        held = {claim.id: claim for claim in claims if revisions.get(claim.id) == claim.revision}
        ends = {one.read.id: one.outcome.end for one in outcomes}
        reasons = {one.read.id: one.outcome.reason for one in outcomes}

        def select(*wanted: ReadEnd | None) -> list[MediaClaim]:
            """Return the current claims that ended so; None: its files are gone."""
            return [claim for claim in held.values() if ends.get(claim.id) in wanted]

        MEDIA_QUEUE.complete(session, select(ReadEnd.READ, ReadEnd.UNREADABLE, None))
        changed_since = [claim for claim in claims if claim.id not in held]
        changed = select(ReadEnd.CHANGED)
        elsewhere = [claim for claim in changed if claim.id in lost]  # for another worker, at once
        MEDIA_QUEUE.release(session, [*changed_since, *select(ReadEnd.SKIPPED), *elsewhere])
        MEDIA_QUEUE.release(session, [claim for claim in changed if claim.id not in lost], CHANGED_RETRY_SECONDS)
        limits, again = select(ReadEnd.LIMIT), select(ReadEnd.DIED, ReadEnd.ERROR)
        MEDIA_QUEUE.dead_letter(session, limits, [reasons[claim.id] for claim in limits])
        dead = _retry_alone(session, again, [reasons[claim.id] for claim in again], len(claims) == 1)
        dead |= {claim.id for claim in limits}
        lost_for_good = dead | {claim.id for claim in select(ReadEnd.UNREADABLE)}
        bad = {one.read.id: one.outcome.reason for one in outcomes if one.read.id in lost_for_good}
        told = {claim.id for claim in select(ReadEnd.READ)} | bad.keys()
        ended = [one for one in outcomes if one.read.id in told]
        bad |= write(session, ended) or {}
        if self.records_jobs:
            without_decoder = {one.read.id for one in outcomes if not one.outcome.has_decoder}
            record_media_jobs(session, self.reading.kind, [one.read for one in ended], bad, without_decoder, dead)
        return bad


def _retry_alone(
    session: Session, claims: Sequence[MediaClaim], reasons: Sequence[str], was_alone: bool
) -> set[uuid.UUID]:
    """Retry file sets in isolation; return those that are dead-lettered instead, after their last try."""
    if was_alone:
        return MEDIA_QUEUE.retry(session, claims, reasons)
    MEDIA_QUEUE.isolate(session, claims, reasons)
    return set()


FILE_SET_BUSY_SECONDS = 2.0
"""Retry delay while another worker reads one of the file sets, or no worker that sees their storage took the job."""


def reread_jobs(reading: MediaReading) -> JobKind:
    """Return the jobs that repeat this reading."""
    return JobKind(MEDIA_TASKS[reading.kind], lambda run: _reread(run, reading))


def _reread(run: JobRun, reading: MediaReading) -> JobOutcome:
    sets = [uuid.UUID(one) for one in run.claim.arguments.get("file_sets", ())]
    done: MediaDrainResult | None = MediaDrainResult()
    if transact(run.sessions, lambda session: _queue_sets(session, run, reading.kind, sets)):
        with run.keep_lease():
            done = read_file_sets(run.sessions, reading, run.timing, sets)
    if done is None:
        return JobPause("waits for its turn, or for a worker that sees its storage", FILE_SET_BUSY_SECONDS)
    if done.troubles:
        return JobEnd("could not be read", JobStatus.FAILED, join_reasons(list(done.troubles.values())))
    return JobEnd("was read" if done.read else "is not there to be read now; it is read when it changes or returns")


def _queue_sets(session: Session, run: JobRun, kind: MediaKind, sets: Sequence[uuid.UUID]) -> bool:
    """Queue the file sets; return False if none of them has files on a storage."""
    run.heartbeat(session, stopped="stopped before it was read")
    queue_media(session, kind, sets)
    return bool(session.scalar(HAS_QUEUED_SETS, {"kind": kind.value, "sets": list(sets)}))
