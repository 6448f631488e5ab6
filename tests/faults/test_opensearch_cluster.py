"""Two nodes of OpenSearch, one killed in the middle of the work: the other has every document, or everything waits.

The manager of a cluster of two cannot be elected by one of them, so there is a difference: without a node that holds
data only, work goes on; without the manager, it goes on when that is back. Three nodes survive the loss of any.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from models.catalog.asset import Asset
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.queues.index_queue import MARK_QUEUE
from models.queues.job import JobStatus
from search.engine import SearchUnavailableError
from search.opensearch.client import CircuitBreaker, ClusterConfig, OpenSearchClient
from search.opensearch.engine import OpenSearchEngine
from services.indexing.drain import drain_index_queue
from services.indexing.rebuild import RebuildSliceLimits
from tests.faults.test_opensearch import FILL, drain_all, finished
from tests.search.opensearch.asking import CALM, ask, differences, job, start, states, step
from tests.search.opensearch.node import ClusterNode, user_cache
from tests.tls import free_loopback_port
from tests.waiting import wait_until

pytestmark = pytest.mark.faults
DOCUMENTS = 5_000


@pytest.fixture
def nodes(tmp_path: Path, opensearch_url: str) -> Iterator[tuple[ClusterNode, ClusterNode]]:
    """The manager, which has data too, and a node with data only."""
    ports = (free_loopback_port(), free_loopback_port())
    roles = (("cluster_manager", "data"), ("data",))
    made = [
        ClusterNode(
            tmp_path / name,
            user_cache(Path.home()),
            name=name,
            roles=roles[number],
            port=free_loopback_port(),
            transport_port=ports[number],
            seeds=ports,
        )
        for number, name in enumerate(("manager", "other"))
    ]
    for node in made:
        node.start()
    manager, other = made
    wait_until(lambda: cluster_health(manager)["number_of_nodes"] == 2, what="both are in the cluster", seconds=30)
    yield manager, other
    for node in made:
        node.stop()


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def engine(nodes: tuple[ClusterNode, ClusterNode]) -> Iterator[OpenSearchEngine]:
    """An engine that knows both nodes, with two shards and a copy of each."""
    hosts = ",".join(node.url.removeprefix("http://") for node in nodes)
    cluster = ClusterConfig(f"http://{hosts}", f"nodes-{new_id().hex}", shards=2, replicas=1)
    breaker = CircuitBreaker(first_seconds=0.05, longest_seconds=0.5)
    engine = OpenSearchEngine(cluster, OpenSearchClient(cluster, breaker))
    yield engine
    engine.close()


def cluster_health(node: ClusterNode) -> dict[str, int | str]:
    found: dict[str, int | str] = httpx.get(f"{node.url}/_cluster/health", timeout=10).json()
    return found


def wait_until_green(node: ClusterNode) -> None:
    wait_until(lambda: cluster_health(node)["status"] == "green", what="each shard has its copy", seconds=60)


def kill_in_the_middle(sessions: Sessions, engine: OpenSearchEngine, node: ClusterNode) -> float:
    """Kill a node once a drain has written a part; return when."""
    killed: list[float] = []

    def kill() -> None:
        pending = wait_until(lambda: 0 < ask(sessions, MARK_QUEUE.count_pending) < DOCUMENTS, what="some are written")  # type: ignore[operator]
        assert pending
        node.kill()
        killed.append(time.monotonic())

    thread = threading.Thread(target=kill)
    thread.start()
    with suppress(SearchUnavailableError):
        drain_index_queue(sessions, engine, CALM)
    thread.join()
    return killed[0]


def test_a_drain_goes_on_without_a_node_that_only_holds_data(
    sessions: Sessions, engine: OpenSearchEngine, nodes: tuple[ClusterNode, ClusterNode]
) -> None:
    manager, other = nodes
    transact(sessions, lambda session: session.execute(FILL, {"count": 10}))
    drain_all(sessions, engine)
    wait_until_green(manager)
    transact(sessions, lambda session: session.execute(FILL, {"count": DOCUMENTS - 10}))
    killed_at = kill_in_the_middle(sessions, engine, other)
    drain_all(sessions, engine)
    print(f"drained {time.monotonic() - killed_at:.1f} s after the node was killed")
    assert (cluster_health(manager)["number_of_nodes"], differences(sessions, engine)) == (1, [])
    other.start()
    wait_until_green(manager)
    assert differences(sessions, engine) == []


def test_a_drain_waits_for_the_manager_and_lacks_nothing(
    sessions: Sessions, engine: OpenSearchEngine, nodes: tuple[ClusterNode, ClusterNode]
) -> None:
    manager, _ = nodes
    transact(sessions, lambda session: session.execute(FILL, {"count": 10}))
    drain_all(sessions, engine)
    wait_until_green(manager)
    transact(sessions, lambda session: session.execute(FILL, {"count": DOCUMENTS - 10}))
    kill_in_the_middle(sessions, engine, manager)
    manager.start()
    started_at = time.monotonic()
    drain_all(sessions, engine)
    print(f"drained {time.monotonic() - started_at:.1f} s after the manager was back")
    wait_until_green(manager)
    assert differences(sessions, engine) == []


@pytest.mark.parametrize("number", [0, 1], ids=["manager", "other"])
def test_a_rebuild_survives_either_node(
    sessions: Sessions, engine: OpenSearchEngine, nodes: tuple[ClusterNode, ClusterNode], number: int
) -> None:
    transact(sessions, lambda session: session.execute(FILL, {"count": DOCUMENTS}))
    drain_all(sessions, engine)
    wait_until_green(nodes[0])
    job_id = start(sessions)
    step(sessions, engine, job_id, RebuildSliceLimits(slice_seconds=0, batch=500))
    assert job(sessions, job_id).completed_at is None
    nodes[number].kill()
    step(sessions, engine, job_id, RebuildSliceLimits(slice_seconds=0, batch=500))
    transact(sessions, lambda session: session.execute(update(Asset).values(external_id="changed")))
    nodes[number].start()
    assert finished(sessions, engine, job_id) == JobStatus.FINISHED
    drain_all(sessions, engine)
    wait_until_green(nodes[0])
    assert differences(sessions, engine) == []
    assert (states(sessions), len(engine.indexes.names())) == (["RETIRED", "LIVE"], 1)
