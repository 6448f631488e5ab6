"""A new index replaces the old one without downtime: no search misses a document, no write is lost."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import delete, select, text, update

from models.catalog.asset import Asset
from models.core.sessions import Sessions, transact
from models.queues.index_build import IndexBuild
from models.queues.index_mark import IndexMark
from models.queues.index_queue import MARK_QUEUE, claim_marks
from models.queues.job import Job, JobStatus, dispatch_jobs
from search.document import Document
from search.engine import WriteOutcome
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from search.postgres.engine import PostgresEngine
from services.indexing.drain import DrainResult, drain_index_queue
from services.indexing.indexes import reconcile_indexes
from services.indexing.rebuild import RebuildSliceLimits, rebuild_jobs
from services.indexing.requests import start_rebuild_if_outdated
from tests.search.opensearch.asking import CALM, add, ask, differences, finish, job, start, states, step, titles
from tests.waiting import wait_until

NAMES = [f"clip {number}" for number in range(7)]


@pytest.fixture
def stocked(sessions: Sessions, engine: OpenSearchEngine) -> OpenSearchEngine:
    """An index of seven documents."""
    add(sessions, *NAMES)
    drain_index_queue(sessions, engine, CALM)
    return engine


def rename(sessions: Sessions, before: str, after: str) -> None:
    change = update(Asset).where(Asset.title == before).values(title=after)
    transact(sessions, lambda session: session.execute(change))


def test_a_rebuild_puts_a_new_index_in_the_place_of_the_old_one(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    before = stocked.indexes.live()
    ended = finish(sessions, stocked, start(sessions))
    assert (ended.status, ended.message) == (JobStatus.FINISHED, "7 documents in a new index")
    assert stocked.indexes.live() != before
    assert stocked.indexes.names() == stocked.indexes.live()
    assert states(sessions) == ["RETIRED", "LIVE"]
    assert (titles(stocked), differences(sessions, stocked)) == (NAMES, [])


def test_whatever_happens_while_it_is_built_is_in_the_new_index_too(
    sessions: Sessions, stocked: OpenSearchEngine
) -> None:
    job_id = start(sessions)
    step(sessions, stocked, job_id)
    step(sessions, stocked, job_id)
    rename(sessions, "clip 0", "renamed behind")
    rename(sessions, "clip 6", "renamed ahead")
    transact(sessions, lambda session: session.execute(delete(Asset).where(Asset.title == "clip 1")))
    add(sessions, "new")
    drain_index_queue(sessions, stocked, CALM)
    expected = sorted({*NAMES, "renamed ahead", "renamed behind", "new"} - {"clip 0", "clip 1", "clip 6"})
    assert titles(stocked) == expected
    assert finish(sessions, stocked, job_id).status == JobStatus.FINISHED
    assert (titles(stocked), differences(sessions, stocked)) == (expected, [])


def test_searches_and_updates_go_on_as_before_at_every_step(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    job_id, turn = start(sessions), 0

    def is_over() -> bool:
        nonlocal turn
        turn += 1
        step(sessions, stocked, job_id)
        rename(sessions, "clip 3" if turn == 1 else f"turn {turn - 1}", f"turn {turn}")
        drain_index_queue(sessions, stocked, CALM)
        assert titles(stocked) == [*sorted({*NAMES} - {"clip 3"}), f"turn {turn}"]
        return job(sessions, job_id).completed_at is not None

    wait_until(is_over, what="the rebuild ends", seconds=30)
    assert turn > 5
    assert differences(sessions, stocked) == []


def test_a_drain_that_began_before_the_build_writes_to_the_new_index_before_it_clears(
    sessions: Sessions, stocked: OpenSearchEngine, opensearch_url: str, alias: str
) -> None:
    """The drain reads its list, then a rebuild begins and passes the document, and only then the drain finishes."""
    job_id = start(sessions)

    class Slow(OpenSearchEngine):
        def write(self, documents: list[Document], targets: tuple[str, ...] = ()) -> list[WriteOutcome]:
            outcomes = super().write(documents, targets)
            if documents and len(targets) == 1:
                transact(sessions, lambda s: s.execute(update(IndexMark).values(lease_until=text("now()"))))
                wait_until(has_passed, what="the rebuild has passed the document", seconds=20)
            return outcomes

    def has_passed() -> bool:
        step(sessions, stocked, job_id)
        return job(sessions, job_id).details.get("phase") == "compare"

    rename(sessions, "clip 2", "slow")
    slow = Slow(ClusterConfig(opensearch_url, alias))
    transact(sessions, lambda session: session.execute(text("UPDATE index_mark SET bulk = true")))
    drain_index_queue(sessions, slow, CALM, limit=1)
    slow.close()
    assert finish(sessions, stocked, job_id).status == JobStatus.FINISHED
    assert "slow" in titles(stocked)
    assert (ask(sessions, MARK_QUEUE.count_pending), differences(sessions, stocked)) == (0, [])


def test_it_waits_for_the_leases_that_were_there_before_it(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    rename(sessions, "clip 2", "held")
    transact(sessions, lambda session: claim_marks(session, 10, 30))
    job_id = start(sessions)
    step(sessions, stocked, job_id)
    assert job(sessions, job_id).message == "waiting for writes that began before"
    transact(sessions, lambda session: session.execute(update(Job).values(not_before=text("now()"))))
    transact(sessions, lambda session: session.execute(update(IndexMark).values(lease_until=None)))
    drain_index_queue(sessions, stocked, CALM)
    assert finish(sessions, stocked, job_id).status == JobStatus.FINISHED
    assert "held" in titles(stocked)


def test_single_changes_end_a_slice_after_one_batch(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    job_id = start(sessions)
    rename(sessions, "clip 2", "fresh")
    step(sessions, stocked, job_id, RebuildSliceLimits(slice_seconds=60, batch=2))
    assert job(sessions, job_id).details["written"] == 2
    drain_index_queue(sessions, stocked, CALM)
    step(sessions, stocked, job_id, RebuildSliceLimits(slice_seconds=60, batch=2))
    assert job(sessions, job_id).status == JobStatus.FINISHED


def test_two_rebuilds_at_once_are_one(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    job_id = start(sessions)
    assert start(sessions) == job_id
    step(sessions, stocked, job_id)
    other = transact(sessions, add_job)
    rebuild_jobs(stocked).run(sessions, [other], CALM)
    assert (job(sessions, other).status, len(stocked.indexes.names())) == (JobStatus.DISCARDED, 2)
    assert finish(sessions, stocked, job_id).status == JobStatus.FINISHED


def add_job(session):  # type: ignore[no-untyped-def]
    other = Job(type="REINDEX", title="another", task="index.rebuild", queue="index")
    session.add(other)
    session.flush()
    return other.id


@pytest.mark.parametrize("phase", ["fill", "compare", "swap"])
def test_killed_at_any_point_it_goes_on_where_it_was(
    sessions: Sessions, stocked: OpenSearchEngine, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill leaves the lease; what the next worker finds are the rows of the last batch."""
    job_id = start(sessions)
    wait_until(lambda: step(sessions, stocked, job_id) and is_at(sessions, job_id, phase), what=f"it is in {phase}")
    if phase == "swap":
        # The alias has moved, and the rows do not know.
        with sessions() as session:
            name = session.scalar(text("SELECT name FROM index_build WHERE state = 'BUILDING'"))
        stocked.indexes.open(name)
        stocked.indexes.point_to(name)
    die = update(Job).values(status="STARTED", attempt=1, lease_owner="dead", lease_until=text("now()"))
    transact(sessions, lambda session: session.execute(die))
    reconcile_indexes(sessions, stocked)
    ended = finish(sessions, stocked, job_id)
    assert (ended.status, ended.message) == (JobStatus.FINISHED, "7 documents in a new index")
    assert states(sessions) == ["RETIRED", "LIVE"]
    assert (titles(stocked), stocked.indexes.names()) == (NAMES, stocked.indexes.live())


def is_at(sessions: Sessions, job_id, phase: str) -> bool:  # type: ignore[no-untyped-def]
    return job(sessions, job_id).details.get("phase") == phase


@pytest.mark.parametrize("held", [True, False])
def test_aborted_it_leaves_everything_as_it_was(sessions: Sessions, stocked: OpenSearchEngine, held: bool) -> None:
    before, job_id = stocked.indexes.live(), start(sessions)
    wait_until(lambda: step(sessions, stocked, job_id) and is_at(sessions, job_id, "fill"), what="it fills")
    transact(sessions, lambda session: session.execute(update(Job).values(status="ABORT_PENDING")))
    if held:
        with sessions.begin() as session:
            session.execute(update(Job).values(status="STARTED"))
        claim_and_abort(sessions, stocked, job_id)
    else:
        transact(sessions, lambda session: dispatch_jobs(session, CALM))
        reconcile_indexes(sessions, stocked)
        reconcile_indexes(sessions, stocked)
    assert job(sessions, job_id).status == JobStatus.ABORTED
    assert (stocked.indexes.live(), stocked.indexes.names()) == (before, before)
    rename(sessions, "clip 0", "after")
    drain_index_queue(sessions, stocked, CALM)
    assert "after" in titles(stocked)
    assert states(sessions) == ["LIVE", "RETIRED"]


def claim_and_abort(sessions: Sessions, engine: OpenSearchEngine, job_id) -> None:  # type: ignore[no-untyped-def]
    """Abort while a slice is under way."""
    write = engine.write

    def abort_and_write(documents, targets=()):  # type: ignore[no-untyped-def]
        transact(sessions, lambda session: session.execute(update(Job).values(status="ABORT_PENDING")))
        return write(documents, targets)

    engine.write = abort_and_write  # type: ignore[method-assign]
    rebuild_jobs(engine).run(sessions, [job_id], CALM)
    engine.write = write  # type: ignore[method-assign]


class Losing(OpenSearchEngine):
    """Takes documents for the index that is built and loses every one of a title, so many times."""

    title, times = "clip 3", 1

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
        kept = [one for one in documents if one.title != self.title or self.times <= 0]
        self.times -= len(kept) < len(documents)
        outcomes = {outcome.key: outcome for outcome in super().write(kept, targets)}
        return [outcomes.get(one.key, WriteOutcome(one.key, one.revision, "written")) for one in documents]


@pytest.fixture
def losing(stocked: OpenSearchEngine, opensearch_url: str, alias: str) -> Iterator[Losing]:
    losing = Losing(ClusterConfig(opensearch_url, alias))
    yield losing
    losing.close()


def test_what_is_missing_in_the_new_index_is_noticed_and_written_before_it_is_put_in_place(
    sessions: Sessions, stocked: OpenSearchEngine, losing: Losing
) -> None:
    assert finish(sessions, losing, start(sessions)).status == JobStatus.FINISHED
    assert losing.times == 0
    assert (titles(stocked), differences(sessions, stocked)) == (NAMES, [])


def test_an_index_that_does_not_become_whole_never_takes_the_place_of_one_that_is(
    sessions: Sessions, stocked: OpenSearchEngine, losing: Losing
) -> None:
    before, losing.times = stocked.indexes.live(), 100
    ended = finish(sessions, losing, start(sessions))
    assert ended.status == JobStatus.FAILED
    assert "1 document could not be written to the new index" in ended.message
    assert (stocked.indexes.live(), stocked.indexes.names(), titles(stocked)) == (before, before, NAMES)


def test_a_parked_document_that_is_found_now_is_not_lost_by_a_rebuild(
    sessions: Sessions, stocked: OpenSearchEngine, losing: Losing
) -> None:
    dead_letter = update(IndexMark).where(IndexMark.object_id.in_(select(Asset.id).where(Asset.title == "clip 3")))
    transact(
        sessions, lambda s: s.execute(dead_letter.values(dead_lettered_at=text("now()"), dirty_since=text("now()")))
    )
    losing.times = 100
    ended = finish(sessions, losing, start(sessions))
    assert (ended.status, titles(stocked)) == (JobStatus.FAILED, NAMES)
    assert "the new index refuses 1 document, such as assets " in ended.message


def test_a_mapping_of_an_older_version_is_replaced_by_itself(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    assert transact(sessions, lambda session: start_rebuild_if_outdated(session, stocked)) is None
    transact(sessions, lambda session: session.execute(update(IndexBuild).values(version=0)))
    found = transact(sessions, lambda session: start_rebuild_if_outdated(session, stocked))
    assert found is not None
    finish(sessions, stocked, found.id)
    assert transact(sessions, lambda session: start_rebuild_if_outdated(session, stocked)) is None


def test_a_rate_is_kept(sessions: Sessions, stocked: OpenSearchEngine) -> None:
    job_id = start(sessions, rate=20)
    finish(sessions, stocked, job_id)
    ended = job(sessions, job_id)
    assert (ended.completed_at - ended.started_at).total_seconds() > 7 / 20


def test_writers_drains_and_a_rebuild_at_once_end_in_an_index_equal_to_the_rows(
    sessions: Sessions, stocked: OpenSearchEngine
) -> None:
    stop = threading.Event()

    def keep_changing() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            rename(sessions, Asset.title, f"turn {number}")

    def keep_draining() -> None:
        while not stop.is_set():
            drain_index_queue(sessions, stocked, CALM)

    threads = [threading.Thread(target=keep_changing), *(threading.Thread(target=keep_draining) for _ in range(2))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            assert finish(sessions, stocked, start(sessions)).status == JobStatus.FINISHED
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    drain_index_queue(sessions, stocked, CALM)
    assert (ask(sessions, MARK_QUEUE.count_pending), differences(sessions, stocked)) == (0, [])


def test_where_documents_stand_in_the_database_all_of_them_are_sent_again(sessions: Sessions) -> None:
    engine = PostgresEngine(sessions)
    add(sessions, *NAMES)
    drain_index_queue(sessions, engine, CALM)
    transact(sessions, lambda session: session.execute(text("DELETE FROM search_document")))
    job_id = start(sessions)
    rebuild_jobs(engine).run(sessions, [job_id], CALM)
    assert job(sessions, job_id).status == JobStatus.FINISHED
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=7)
