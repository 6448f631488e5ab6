"""OpenSearch killed during its work: acknowledged writes survive, and the rest is retried automatically."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text, update

from models.catalog.asset import Asset
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.queues.index_queue import MARK_QUEUE
from models.queues.job import JobStatus
from search.engine import SearchUnavailableError
from search.opensearch.client import CircuitBreaker, ClusterConfig, OpenSearchClient
from search.opensearch.engine import OpenSearchEngine
from services.indexing.drain import drain_index_queue
from services.indexing.indexes import reconcile_indexes
from services.indexing.rebuild import RebuildSliceLimits
from tests.search.opensearch.asking import CALM, ask, differences, job, start, states, step
from tests.search.opensearch.node import Node, user_cache
from tests.waiting import wait_until

FILL = text("INSERT INTO asset (id, title) SELECT gen_random_uuid(), 'clip ' || n FROM generate_series(1, :count) n")


@pytest.fixture
def node(tmp_path: Path, opensearch_url: str) -> Iterator[Node]:
    """A node of the test's own; the run's shows that there can be one."""
    node = Node(tmp_path / "node", user_cache(Path.home()))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def engine(node: Node) -> Iterator[OpenSearchEngine]:
    cluster = ClusterConfig(node.url, f"faults-{new_id().hex}")
    engine = OpenSearchEngine(
        cluster, OpenSearchClient(cluster, CircuitBreaker(first_seconds=0.05, longest_seconds=0.5))
    )
    yield engine
    engine.close()


def until_it_works(work: Callable[[], bool]) -> Callable[[], bool]:
    """The work, done whenever the engine is there."""

    def works() -> bool:
        with suppress(SearchUnavailableError):
            return work()
        return False

    return works


def drain_all(sessions: Sessions, engine: OpenSearchEngine) -> None:
    def is_drained() -> bool:
        drain_index_queue(sessions, engine, CALM)
        return ask(sessions, MARK_QUEUE.count_pending) == 0

    wait_until(until_it_works(is_drained), what="everything is drained", seconds=120)


def test_killed_during_a_drain_it_lacks_nothing_in_the_end(
    sessions: Sessions, engine: OpenSearchEngine, node: Node
) -> None:
    transact(sessions, lambda session: session.execute(FILL, {"count": 3_000}))
    kill = threading.Timer(0.5, node.kill)
    kill.start()
    with suppress(SearchUnavailableError):
        drain_index_queue(sessions, engine, CALM)
    kill.join()
    node.start()
    drain_all(sessions, engine)
    reconcile_indexes(sessions, engine)
    assert differences(sessions, engine) == []


@pytest.mark.faults
def test_killed_during_a_rebuild_it_lacks_nothing_in_the_end(
    sessions: Sessions, engine: OpenSearchEngine, node: Node
) -> None:
    transact(sessions, lambda session: session.execute(FILL, {"count": 3_000}))
    drain_all(sessions, engine)
    job_id = start(sessions)
    step(sessions, engine, job_id)
    node.kill()
    step(sessions, engine, job_id)
    assert "does not answer" in job(sessions, job_id).message
    transact(sessions, lambda session: session.execute(update(Asset).values(external_id="changed")))
    node.start()
    assert finished(sessions, engine, job_id) == JobStatus.FINISHED
    drain_all(sessions, engine)
    assert differences(sessions, engine) == []
    assert (states(sessions), len(engine.indexes.names())) == (["RETIRED", "LIVE"], 1)


def finished(sessions: Sessions, engine: OpenSearchEngine, job_id: object) -> JobStatus:
    def is_over() -> bool:
        if job(sessions, job_id).completed_at is not None:  # type: ignore[arg-type]
            return True
        transact(sessions, lambda session: session.execute(text("UPDATE job SET not_before = now()")))
        step(sessions, engine, job_id, RebuildSliceLimits())  # type: ignore[arg-type]
        drain_index_queue(sessions, engine, CALM)
        return False

    wait_until(until_it_works(is_over), what="the rebuild ends", seconds=120)
    return job(sessions, job_id).status  # type: ignore[arg-type]


@pytest.mark.faults
def test_killed_right_after_the_swap_searches_go_to_the_new_index(
    sessions: Sessions, engine: OpenSearchEngine, node: Node
) -> None:
    transact(sessions, lambda session: session.execute(FILL, {"count": 200}))
    drain_all(sessions, engine)
    job_id = start(sessions)
    drop = engine.indexes.drop

    def kill_instead(name: str) -> None:
        node.kill()
        drop(name)

    engine.indexes.drop = kill_instead  # type: ignore[method-assign]
    with suppress(SearchUnavailableError):
        finished(sessions, engine, job_id)
    engine.indexes.drop = drop  # type: ignore[method-assign]
    node.start()
    wait_until(until_it_works(lambda: reconcile_indexes(sessions, engine) is None), what="it is looked after")
    drain_all(sessions, engine)
    assert (differences(sessions, engine), len(engine.indexes.names())) == ([], 1)


@pytest.mark.faults
def test_fifty_thousand_updates_that_came_while_it_was_down_drain_by_themselves(
    sessions: Sessions, engine: OpenSearchEngine, node: Node
) -> None:
    transact(sessions, lambda session: session.execute(FILL, {"count": 50_000}))
    drain_all(sessions, engine)
    node.kill()
    for number in range(20):
        change = text("UPDATE asset SET title = title || ' new' WHERE abs(hashtext(id::text)) % 20 = :number")
        transact(sessions, lambda session, number=number, change=change: session.execute(change, {"number": number}))
        with pytest.raises(SearchUnavailableError):
            drain_index_queue(sessions, engine, CALM)
    assert ask(sessions, MARK_QUEUE.count_pending) == 50_000
    node.start()
    drain_all(sessions, engine)
    assert differences(sessions, engine) == []
