"""One watcher leads a storage; when it is gone, another takes over."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from models.core.sessions import Sessions, make_engine, make_sessions
from tests.waiting import wait_until
from watch.leader_election import LeaderElection

ONE, OTHER = uuid.uuid4(), uuid.uuid4()
END_CONNECTIONS = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def first(sessions: Sessions) -> Iterator[LeaderElection]:
    leadership = LeaderElection(sessions)
    yield leadership
    leadership.close()


@pytest.fixture
def second(sessions: Sessions) -> Iterator[LeaderElection]:
    leadership = LeaderElection(sessions)
    yield leadership
    leadership.close()


def test_a_storage_has_one_leader(first: LeaderElection, second: LeaderElection) -> None:
    assert first.lead([ONE]) == {ONE}
    assert second.lead([ONE, OTHER]) == {OTHER}
    assert first.lead([ONE, OTHER]) == {ONE}


def test_what_is_not_wanted_any_more_is_free(first: LeaderElection, second: LeaderElection) -> None:
    assert first.lead([ONE, OTHER]) == {ONE, OTHER}
    assert first.lead([OTHER]) == {OTHER}
    assert second.lead([ONE]) == {ONE}


def test_a_leader_that_ended_is_followed_by_another(first: LeaderElection, second: LeaderElection) -> None:
    first.lead([ONE])
    first.close()
    wait_until(lambda: second.lead([ONE]) == {ONE}, what="the second leads")


def test_a_leader_without_its_connection_leads_nothing_until_it_asked_again(
    sessions: Sessions, first: LeaderElection, second: LeaderElection
) -> None:
    first.lead([ONE])
    with sessions.begin() as session:
        session.execute(END_CONNECTIONS)
    wait_until(lambda: second.lead([ONE]) == {ONE}, what="the second leads")
    with pytest.raises(Exception, match="terminat"):
        first.lead([ONE])
    assert first.lead([ONE]) == frozenset()
