"""Job that builds a new search index beside the live one, without interrupting searches.

1. `services.indexing.requests.start_index_rebuild` creates the job, or returns the one in progress.
2. The job creates an index and its row. From then on drains write to both, and clear no mark under the old list.
3. It waits for the leases that are older than the row, then walks the marks by key and writes every document into the
   new index, each batch read in one short snapshot. An older document never replaces a newer one there, so drains and
   the walk may cross. The position is stored on the job's row: after a crash it continues behind the last batch.
4. It compares the new index with all marks by revision, and writes again what differs, until nothing does.
5. The alias moves in one step, the rows follow, and the old index is dropped.

It works in slices of a second and sends itself a message in between, so that a worker with one child drains meanwhile;
a slice ends early if single changes wait. Aborted at any time, it leaves the live index unchanged.

An engine that stores documents in the database has no second index: there the job queues all documents again.
"""

import json
import time
import uuid
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.core.sessions import read_snapshot, transact
from models.queues.index_build import BuildState, IndexBuild, lock_index_targets_exclusive
from models.queues.index_mark import IndexMark
from models.queues.index_queue import MARK_QUEUE, DocumentKey, has_pending_single_changes, requeue_marks
from models.queues.job import JobStatus, Progress
from search.document import Document
from search.documents.builders import build_documents, count_fitting_documents
from search.engine import IndexManager, IndexMissingError, SearchEngine, SearchUnavailableError, WriteOutcome
from services.core.errors import DomainError
from services.core.text import pluralize
from services.indexing.audit import compare_page
from services.indexing.drain import MAX_INDEX_BATCH_BYTES, MAX_INDEX_BATCH_DOCUMENTS
from services.indexing.indexes import find_live_build, reconcile_indexes, retire_build
from services.indexing.requests import REBUILD_INDEX_TASK
from services.jobs.runner import JobAbortedError, JobEnd, JobKind, JobOutcome, JobPause, JobRun

REBUILD_RETRY_SECONDS = 5.0
"""Delay before a job tries again while the engine is down."""
REBUILD_POLL_SECONDS = 0.5
OLD_INDEX_STAYS = "searches use the previous index"
BEFORE_FIRST_MARK = ["", str(uuid.UUID(int=0))]
"""Position before every key."""
MAX_COMPARISON_PASSES = 3
"""Comparisons of the whole new index; what three did not repair needs an operator."""
SENDER_THREADS = 2
"""Batches in flight to the engine while the next is read: one is encoded while the other is stored."""
MAX_PENDING_MARKS = 20_000
"""Marks that may be pending while all documents are queued again."""

HAS_OLDER_LEASES = text(f"""
    SELECT EXISTS (
        SELECT FROM {MARK_QUEUE.view} AS mark WHERE lease_until > now()
            AND lease_until <= (SELECT date_created FROM index_build WHERE id = :build)
                + make_interval(secs => :lease))
""")
SELECT_NEXT_MARKS = text(f"""
    SELECT object_type, object_id FROM {MARK_QUEUE.view} AS mark
    WHERE (object_type, object_id) > (:kind, CAST(:id AS uuid))
    ORDER BY object_type, object_id LIMIT :limit
""")
SELECT_DEAD_LETTERED_MARKS = text(
    f"SELECT object_type, object_id FROM {MARK_QUEUE.view} AS mark WHERE parked_at IS NOT NULL LIMIT 10000"
)


@dataclass(frozen=True, slots=True)
class RebuildSliceLimits:
    """Longest time of one slice, and documents that are read at once."""

    slice_seconds: float = 1.0
    batch: int = MAX_INDEX_BATCH_DOCUMENTS


DEFAULT_REBUILD_SLICE = RebuildSliceLimits()


REBUILD_PHASE_MESSAGES = {
    "wait": "waiting for writes that began before",
    "fill": "writing documents",
    "compare": "comparing revisions",
    "swap": "putting it in place",
}


@dataclass(frozen=True, slots=True)
class InFlightBatch:
    """A batch in flight: its last key, its number of marks, its start, and the pending answer of the engine."""

    place: list[str]
    count: int
    begun: float
    sent: Future[list[WriteOutcome]]


class RebuildFailedError(DomainError):
    """The new index cannot replace the old one; the message gives the reason."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"{reason}; {OLD_INDEX_STAYS}")


def rebuild_jobs(engine: SearchEngine, limits: RebuildSliceLimits = DEFAULT_REBUILD_SLICE) -> JobKind:
    """Return the jobs that build a new index, each run for one slice."""
    return JobKind(REBUILD_INDEX_TASK, lambda run: RebuildSlice(run, engine, limits).work())


class RebuildSlice:
    """One slice of one job, continued from the state on the job's row."""

    def __init__(self, run: JobRun, engine: SearchEngine, limits: RebuildSliceLimits) -> None:
        self._run, self._engine, self._limits = run, engine, limits
        self._end = time.monotonic() + limits.slice_seconds
        self._total, self._pause = run.claim.total, 0.0
        self._rate, self._free_at = int(run.claim.arguments.get("rate", 0)), 0.0
        kept = run.claim.kept
        self._after: list[str] = kept.get("after", BEFORE_FIRST_MARK)
        self._phase: str = kept.get("phase", "wait")
        self._processed = int(kept.get("written", 0))
        self._passes, self._fixed = int(kept.get("passes", 0)), int(kept.get("fixed", 0))

    def work(self) -> JobOutcome:
        """Work until the slice ends, the job ends, or the engine does not answer."""
        if self._engine.indexes is None:
            return self._reindex_in_place()
        try:
            return self._build(self._engine.indexes)
        except SearchUnavailableError as error:
            return JobPause(f"waits: {error}", REBUILD_RETRY_SECONDS)
        except IndexMissingError as error:
            self._abandon(self._engine.indexes)
            raise RebuildFailedError(error) from None
        except (JobAbortedError, RebuildFailedError):
            self._abandon(self._engine.indexes)
            raise

    def _build(self, indexes: IndexManager) -> JobOutcome:
        self._engine.check()
        build = self._own_build(indexes)
        if build is None:
            return JobEnd("another build of the index is under way", JobStatus.DISCARDED)
        steps = {"wait": self._wait, "fill": self._fill, "compare": self._compare}
        while self._phase in steps:
            if not steps[self._phase](build):
                return JobPause(seconds=self._pause)
        self._swap(build, indexes)
        return None

    def _own_build(self, indexes: IndexManager) -> IndexBuild | None:
        """Return the build of this job, started if none exists; None if another job is building."""
        with self._run.sessions() as session:
            build = session.scalar(select(IndexBuild).where(IndexBuild.state == BuildState.BUILDING))
        if build is None:
            reconcile_indexes(self._run.sessions, self._engine)
            name = indexes.new_name()
            indexes.create(name, building=True)
            # Created before its row, so that no drain writes to an index that does not exist.
            build = transact(self._run.sessions, lambda session: self._register(session, name, indexes.version))
        return build if build.job_id == self._run.claim.id else None

    def _register(self, session: Session, name: str, version: int) -> IndexBuild:
        lock_index_targets_exclusive(session)
        other = session.scalar(select(IndexBuild).where(IndexBuild.state == BuildState.BUILDING))
        if other is not None:
            return other
        build = IndexBuild(name=name, version=version, state=BuildState.BUILDING, job_id=self._run.claim.id)
        session.add(build)
        session.flush()
        self._processed, self._phase, self._after = 0, "wait", BEFORE_FIRST_MARK
        self._total = session.scalar(select(func.count()).select_from(IndexMark)) or 0
        self._keep(session)
        return build

    def _wait(self, build: IndexBuild) -> bool:
        """Return whether all leases from before the build have ended."""
        asked = {"build": build.id, "lease": self._run.timing.lease_seconds}
        with self._run.sessions() as session:
            waits = bool(session.scalar(HAS_OLDER_LEASES, asked))
        if not waits:
            self._step("fill", self._after)
        self._pause = REBUILD_POLL_SECONDS if waits else 0
        return not waits

    def _fill(self, build: IndexBuild) -> bool:
        """Write documents from the current position on, reading one batch while others are sent; return whether all are
        written and the slice has time left."""
        under_way: deque[InFlightBatch] = deque()
        place = self._after
        with ThreadPoolExecutor(SENDER_THREADS) as senders:
            while True:
                batch = read_snapshot(self._run.sessions, self._read, place)
                if batch is None or len(under_way) == SENDER_THREADS:
                    self._written(under_way, leave=0 if batch is None else SENDER_THREADS - 1)
                if batch is None:
                    self._step("compare", ["", ""], passes=1)
                    return not self._is_slice_over()
                place, count, documents = batch
                sent = senders.submit(self._engine.write, documents, [build.name])
                under_way.append(InFlightBatch(place, count, time.monotonic(), sent))
                # Checked after a batch was sent: a slice makes progress even under constant single changes.
                if self._is_slice_over():
                    break
            self._written(under_way)
        return False

    def _read(self, session: Session, after: Sequence[str]) -> tuple[list[str], int, list[Document]] | None:
        """Return the last key of the next batch, its number of marks, and their documents."""
        asked = {"kind": after[0], "id": after[1], "limit": self._limits.batch}
        keys = [DocumentKey(*row) for row in session.execute(SELECT_NEXT_MARKS, asked)]
        if not keys:
            return None
        keys = keys[: count_fitting_documents(session, keys, MAX_INDEX_BATCH_BYTES // SENDER_THREADS)]
        return [keys[-1].object_type, str(keys[-1].object_id)], len(keys), build_documents(session, keys)

    def _written(self, under_way: deque[InFlightBatch], leave: int = 0) -> None:
        """Wait for the oldest batches in flight, record the new position, and keep to the rate limit."""
        while len(under_way) > leave:
            sending = under_way.popleft()
            sending.sent.result()
            # Only after the engine confirmed the batch: a crash before this repeats it, which is harmless.
            self._after = sending.place
            self._processed += sending.count
            transact(self._run.sessions, self._keep)
            if self._rate:
                self._free_at = max(self._free_at, sending.begun) + sending.count / self._rate
                time.sleep(min(max(0.0, self._free_at - time.monotonic()), self._run.timing.lease_seconds / 2))

    def _compare(self, build: IndexBuild) -> bool:
        """Compare one page of the new index and write again what differs; return whether the slice has time left."""
        kinds = [*sorted(self._kinds())]
        kind = self._after[0] or kinds[0]
        after = uuid.UUID(self._after[1]) if self._after[1] else None
        page = compare_page(self._run.sessions, self._engine, kind, after, build.name)
        if page.wrong:
            documents = read_snapshot(self._run.sessions, lambda session: build_documents(session, page.wrong))
            for first in range(0, len(documents), MAX_INDEX_BATCH_DOCUMENTS):
                self._engine.write(documents[first : first + MAX_INDEX_BATCH_DOCUMENTS], [build.name])
        fixed = self._fixed + len(page.wrong)
        following = [other for other in kinds if other > kind]
        if page.last is not None:
            self._step("compare", [kind, str(page.last)], self._passes, fixed)
        elif following:
            self._step("compare", [following[0], ""], self._passes, fixed)
        elif not fixed:
            self._step("swap", ["", ""])
        elif self._passes < MAX_COMPARISON_PASSES:
            self._step("compare", ["", ""], self._passes + 1)
        else:
            raise RebuildFailedError(f"{pluralize(fixed, 'document')} could not be written to the new index")
        return not self._is_slice_over()

    def _kinds(self) -> set[str]:
        with self._run.sessions() as session:
            return set(session.scalars(select(IndexMark.object_type).distinct())) or {"assets"}

    def _swap(self, build: IndexBuild, indexes: IndexManager) -> None:
        """Point searches to the new index, then update the rows; in between, drains write to both."""
        self._refuse_lost_documents(build)
        indexes.open(build.name)
        indexes.point_to(build.name)
        old = transact(self._run.sessions, lambda session: self._become_live(session, build))
        if old is not None:
            indexes.drop(old)

    def _refuse_lost_documents(self, build: IndexBuild) -> None:
        """Raise RebuildFailedError if a dead-lettered document of the live index is missing in the new one."""
        with self._run.sessions() as session:
            keys = [DocumentKey(*row) for row in session.execute(SELECT_DEAD_LETTERED_MARKS)]
        there, here = self._engine.revisions_of(keys), self._engine.revisions_of(keys, build.name)
        lost = [key for key, document in there.items() if not document.deleted and key not in here]
        if lost:
            named = f"{lost[0].object_type} {lost[0].object_id}"
            raise RebuildFailedError(f"the new index refuses {pluralize(len(lost), 'document')}, such as {named}")

    def _become_live(self, session: Session, build: IndexBuild) -> str | None:
        live = find_live_build(session)
        if live is not None:
            retire_build(session, live.id)
        lock_index_targets_exclusive(session)
        session.execute(update(IndexBuild).where(IndexBuild.id == build.id).values(state=BuildState.LIVE))
        self._run.complete(session, JobEnd(f"{pluralize(self._processed, 'document')} in a new index"))
        return live.name if live is not None else None

    def _reindex_in_place(self) -> JobOutcome:
        """Queue all documents of an engine in the database again, a limited number at a time."""
        while time.monotonic() < self._end:
            with self._run.sessions() as session:
                if MARK_QUEUE.count_pending(session) > MAX_PENDING_MARKS:
                    self._pause = REBUILD_POLL_SECONDS
                    break
                asked = {"kind": self._after[0], "id": self._after[1], "limit": 10 * self._limits.batch}
                keys = [DocumentKey(*row) for row in session.execute(SELECT_NEXT_MARKS, asked)]
            if not keys:
                return JobEnd(f"{pluralize(self._processed, 'document')} marked to be written again")
            self._after = [keys[-1].object_type, str(keys[-1].object_id)]
            self._processed += len(keys)
            transact(self._run.sessions, self._requeue, keys)
        return JobPause(seconds=self._pause)

    def _requeue(self, session: Session, keys: list[DocumentKey]) -> None:
        requeue_marks(session, keys)
        self._keep(session)

    def _step(self, phase: str, after: list[str], passes: int = 0, fixed: int = 0) -> None:
        self._phase, self._after, self._passes, self._fixed = phase, after, passes, fixed
        transact(self._run.sessions, self._keep)

    def _keep(self, session: Session) -> None:
        """Renew the lease and store the position for the next slice."""
        kept = {"phase": self._phase, "after": self._after, "passes": self._passes, "fixed": self._fixed}
        done = max(self._processed, 1)
        details = json.dumps(kept | {"written": self._processed})
        progress = Progress(done, max(self._total, done), REBUILD_PHASE_MESSAGES[self._phase], details)
        self._run.heartbeat(session, progress, f"stopped; {OLD_INDEX_STAYS}")

    def _is_slice_over(self) -> bool:
        """Return whether the slice ends: its time is up, or single changes wait."""
        if time.monotonic() > self._end:
            return True
        with self._run.sessions() as session:
            return has_pending_single_changes(session)

    def _abandon(self, indexes: IndexManager) -> None:
        """Drop what was built; the live index stays as it was."""
        for name in transact(self._run.sessions, self._retire_own_builds):
            indexes.drop(name)

    def _retire_own_builds(self, session: Session) -> list[str]:
        own = select(IndexBuild).where(IndexBuild.job_id == self._run.claim.id, IndexBuild.state == BuildState.BUILDING)
        builds = session.scalars(own).all()
        for build in builds:
            retire_build(session, build.id)
        return [build.name for build in builds]
