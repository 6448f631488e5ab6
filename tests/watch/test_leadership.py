"""One watcher leads a storage; when it ends, stands still or is cut off, another takes over."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from models.catalog.storage import Storage
from models.core.sessions import Sessions, make_engine, make_sessions
from tests.waiting import wait_until
from watch.leader_election import LeaderElection

ONE, OTHER = uuid.uuid4(), uuid.uuid4()
LONG_SECONDS, SHORT_SECONDS = 600.0, 0.2
END_CONNECTIONS = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
NewElection = Callable[[float], LeaderElection]


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        session.add_all(Storage(id=each, name=str(each), root=each.bytes) for each in (ONE, OTHER))
    yield sessions
    engine.dispose()


@pytest.fixture
def elect(sessions: Sessions) -> Iterator[NewElection]:
    made: list[LeaderElection] = []

    def make(lease_seconds: float = LONG_SECONDS) -> LeaderElection:
        made.append(LeaderElection(sessions, lease_seconds))
        return made[-1]

    yield make  # type: ignore[misc]
    for each in made:
        each.close()


def test_a_storage_has_one_leader_until_that_one_lets_go_of_it(elect) -> None:  # type: ignore[no-untyped-def]
    first, second = elect(), elect()
    assert first.lead([ONE]) == {ONE}
    assert second.lead([ONE, OTHER]) == {OTHER}
    assert first.lead([ONE, OTHER]) == {ONE}
    assert first.lead([]) == frozenset()
    assert second.lead([ONE, OTHER]) == {ONE, OTHER}
    second.close()
    assert first.lead([ONE]) == {ONE}


def test_a_leader_without_its_connection_is_followed_at_once_however_long_its_lease(sessions: Sessions, elect) -> None:  # type: ignore[no-untyped-def]
    first, second = elect(), elect()
    first.lead([ONE])
    with sessions.begin() as session:
        session.execute(END_CONNECTIONS)
    wait_until(lambda: second.lead([ONE]) == {ONE}, what="the second leads", seconds=2.0)
    with pytest.raises(Exception, match="terminat"):
        first.lead([ONE])
    assert first.lead([ONE]) == frozenset()


def test_a_leader_that_stands_still_with_an_open_connection_is_followed_when_its_lease_ends(elect) -> None:  # type: ignore[no-untyped-def]
    first, second = elect(SHORT_SECONDS), elect(SHORT_SECONDS)
    first.lead([ONE])
    assert second.lead([ONE]) == frozenset()
    wait_until(lambda: second.lead([ONE]) == {ONE}, what="the second leads")
    assert first.lead([ONE]) == frozenset()


def test_a_leader_that_renews_keeps_its_storage_past_the_first_lease(elect) -> None:  # type: ignore[no-untyped-def]
    first, second = elect(SHORT_SECONDS), elect(SHORT_SECONDS)
    first.lead([ONE])
    calls = 0

    def renewed_often() -> bool:
        nonlocal calls
        calls += 1
        assert first.lead([ONE]) == {ONE}
        assert second.lead([ONE]) == frozenset()
        return calls > 30

    wait_until(renewed_often, what="the lease was renewed past its first end")


def test_the_lock_of_a_leader_holds_back_no_vacuum(sessions: Sessions, elect) -> None:  # type: ignore[no-untyped-def]
    first = elect()
    first.lead([ONE])
    with sessions() as session:
        idle = session.execute(
            text(
                "SELECT state, backend_xmin FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory'"
            )
        ).one()
    assert tuple(idle) == ("idle in transaction", None)
