"""Cluster failures delay a drain, and never lose a document."""

import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from models.catalog.asset import Asset
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_mark import IndexMark
from models.queues.index_queue import MARK_QUEUE
from search.engine import SearchUnavailableError
from search.opensearch import bulk
from search.opensearch.client import CircuitBreaker, ClusterConfig, OpenSearchClient
from search.opensearch.engine import OpenSearchEngine
from search.query.budget import CriteriaError
from search.query.criteria import Visibility, parse_criteria
from services.indexing.drain import DrainResult, drain_index_queue
from tests.search.opensearch.asking import CALM, add, ask, differences, titles
from tests.search.opensearch.proxy import BUSY, Answer, Proxy, open_proxy
from tests.waiting import wait_until

BULK = "/_bulk"
QUICK = Timing(lease_seconds=0.4)


@pytest.fixture
def proxy(opensearch_url: str) -> Iterator[Proxy]:
    with open_proxy(opensearch_url) as proxy:
        yield proxy


@pytest.fixture
def behind(proxy: Proxy, engine: OpenSearchEngine, sessions: Sessions) -> Iterator[OpenSearchEngine]:
    """An engine behind the proxy, on an index that has one document."""
    add(sessions, "first")
    drain_index_queue(sessions, engine, CALM)
    cluster = ClusterConfig(proxy.url, engine.indexes.alias)
    behind = OpenSearchEngine(
        cluster, OpenSearchClient(cluster, CircuitBreaker(first_seconds=0.05, longest_seconds=0.2))
    )
    yield behind
    behind.close()


def test_a_full_queue_is_waited_out(sessions: Sessions, proxy: Proxy, behind: OpenSearchEngine) -> None:
    add(sessions, "a", "b")
    turns = count(1)
    proxy.before = lambda path: BUSY if path.startswith(BULK) and next(turns) <= 2 else None
    assert drain_index_queue(sessions, behind, CALM) == DrainResult(written=2)
    assert (proxy.count(BULK), ask(sessions, MARK_QUEUE.count_pending)) == (3, 0)


def test_of_a_bulk_that_failed_by_half_the_other_half_is_sent_again_and_no_more(
    sessions: Sessions, proxy: Proxy, behind: OpenSearchEngine
) -> None:
    add(sessions, *"abcd")
    sent: list[int] = []

    def fail_half(path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.startswith(BULK):
            sent.append(len(body["items"]))
            for item in body["items"][::2] if len(sent) == 1 else ():
                item["index"] |= {"status": 429, "error": {"type": "rejected_execution_exception", "reason": "full"}}
        return body

    proxy.after = fail_half
    assert drain_index_queue(sessions, behind, CALM) == DrainResult(written=4)
    assert sent == [4, 2]
    assert (ask(sessions, MARK_QUEUE.count_pending), differences(sessions, behind)) == (0, [])


def test_a_half_that_the_mapping_refuses_is_parked_with_its_reason_and_the_other_is_found(
    sessions: Sessions, proxy: Proxy, behind: OpenSearchEngine
) -> None:
    poisoned = {str(asset_id) for asset_id in add(sessions, "a", "b", "c", "d")[::2]}

    def refuse_half(path: str, body: dict[str, Any]) -> dict[str, Any]:
        for item in body["items"] if path.startswith(BULK) else ():
            if item["index"]["_id"].partition(":")[2] in poisoned:
                error = {"type": "mapper_parsing_exception", "reason": "no such field"}
                item["index"] |= {"status": 400, "error": error}
        return body

    proxy.after = refuse_half
    assert drain_index_queue(sessions, behind, QUICK) == DrainResult(written=2, refused=2)

    def are_parked() -> bool:
        drain_index_queue(sessions, behind, QUICK)
        return ask(sessions, MARK_QUEUE.count_dead_letters) == 2

    wait_until(are_parked, what="the poison is parked")
    reasons = ask(sessions, lambda session: session.execute(text("SELECT DISTINCT error FROM index_mark")).scalars())
    assert "mapper_parsing_exception: no such field" in reasons


def test_an_answer_that_takes_longer_than_a_lease_keeps_it(
    sessions: Sessions, proxy: Proxy, behind: OpenSearchEngine, engine: OpenSearchEngine
) -> None:
    add(sessions, "slow")
    meanwhile: list[DrainResult] = []

    def take_long(path: str) -> Answer | None:
        if path.startswith(BULK):
            stop = threading.Event()
            end = threading.Timer(3 * QUICK.lease_seconds, stop.set)
            end.start()
            while not stop.wait(0.1):
                meanwhile.append(drain_index_queue(sessions, engine, QUICK))
        return None

    proxy.before = take_long
    assert drain_index_queue(sessions, behind, QUICK) == DrainResult(written=1)
    assert len(meanwhile) > 3
    assert {result.count for result in meanwhile} == {0}
    assert (proxy.count(BULK), ask(sessions, MARK_QUEUE.count_pending)) == (1, 0)


def test_while_the_cluster_is_down_the_queue_stays_as_it_is_and_nobody_storms_it(
    sessions: Sessions, proxy: Proxy, opensearch_url: str, engine: OpenSearchEngine
) -> None:
    add(sessions, "first")
    drain_index_queue(sessions, engine, CALM)
    add(sessions, *(f"clip {number}" for number in range(20)))
    cluster = ClusterConfig(proxy.url, engine.indexes.alias)
    down = OpenSearchEngine(cluster, OpenSearchClient(cluster, CircuitBreaker(first_seconds=60)))
    turned_away: list[str] = []

    def turn_away(path: str) -> Answer:
        turned_away.append(path)
        return 503, {"error": {"type": "unavailable_shards_exception", "reason": "no shards"}, "status": 503}

    proxy.before = turn_away
    with pytest.raises(SearchUnavailableError, match="is busy"):
        drain_index_queue(sessions, down, CALM)
    before = ask(sessions, untouched)
    for _ in range(10):
        with pytest.raises(SearchUnavailableError, match="is busy"):
            drain_index_queue(sessions, down, CALM)
    assert len(turned_away) == 1
    with pytest.raises(SearchUnavailableError, match="503"):
        down.search(parse_criteria({}), Visibility(everything=True))
    down.close()
    assert len(turned_away) == 1
    assert (ask(sessions, untouched), ask(sessions, MARK_QUEUE.count_pending)) == (before, 20)


def untouched(session: Session) -> object:
    """The versions of all marks: none was written where they are the same."""
    return session.execute(text("SELECT object_id, xmin::text FROM index_mark ORDER BY 1")).all()


def test_the_backlog_of_an_outage_drains_by_itself(sessions: Sessions, proxy: Proxy, behind: OpenSearchEngine) -> None:
    proxy.close()
    with sessions.begin() as session:
        fill = "INSERT INTO asset (id, title) SELECT gen_random_uuid(), 'clip ' || n FROM generate_series(1, 2000) n"
        session.execute(text(fill))
    for _ in range(3):
        with pytest.raises(SearchUnavailableError, match="does not answer"):
            drain_index_queue(sessions, behind, CALM)
    proxy.open()

    def drains() -> bool:
        try:
            drain_index_queue(sessions, behind, CALM)
        except SearchUnavailableError:
            return False
        return ask(sessions, MARK_QUEUE.count_pending) == 0

    wait_until(drains, what="the backlog is drained", seconds=30)
    assert differences(sessions, behind) == []


def set_block(engine: OpenSearchEngine, on: bool) -> None:
    settings = {"index.blocks.read_only_allow_delete": True if on else None}
    engine.client.ask("PUT", f"/{engine.indexes.alias}/_settings", settings)


def test_a_read_only_index_is_waited_for(sessions: Sessions, engine: OpenSearchEngine) -> None:
    add(sessions, "first")
    drain_index_queue(sessions, engine, CALM)
    add(sessions, "a")
    set_block(engine, True)
    free = threading.Timer(0.5, set_block, (engine, False))
    free.start()
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=1)
    free.join()
    assert titles(engine) == ["a", "first"]


def test_an_index_that_stays_read_only_leaves_the_queue_as_it_was(
    sessions: Sessions, engine: OpenSearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(sessions, "first")
    drain_index_queue(sessions, engine, CALM)
    transact(sessions, lambda session: session.execute(update(Asset).values(title="later")))
    assert engine.find_write_blocks() == []
    set_block(engine, True)
    assert engine.find_write_blocks() == ["index.blocks.read_only_allow_delete"]
    monkeypatch.setattr(bulk, "BULK_DEADLINE_SECONDS", 0.3)
    with pytest.raises(SearchUnavailableError, match="takes no writes"):
        drain_index_queue(sessions, engine, CALM)
    (mark,) = ask(sessions, lambda session: session.query(IndexMark).all())
    assert (mark.lease_until, mark.errors, mark.dirty_since is None) == (None, 0, False)
    engine.client.breaker.worked()
    set_block(engine, False)
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=1)


def test_a_refused_password_is_told_without_it(engine: OpenSearchEngine, proxy: Proxy) -> None:
    proxy.before = lambda _path: (401, {"error": "Unauthorized"})
    secret = OpenSearchEngine(ClusterConfig(proxy.url.replace("://", "://ann:s3cret@"), "any"))
    with pytest.raises(SearchUnavailableError, match="refuses the user or the password") as told:
        secret.check(look=True)
    secret.close()
    assert "s3cret" not in str(told.value)
    assert "s3cret" not in repr(secret.client.cluster)


def test_more_words_than_an_index_can_look_for_at_once_are_refused_in_words(engine: OpenSearchEngine) -> None:
    words = " ".join(f"w{number}" for number in range(1_000))
    with pytest.raises(CriteriaError, match="more than 200 words"):
        engine.search(parse_criteria({"query": words}), Visibility(everything=True))
