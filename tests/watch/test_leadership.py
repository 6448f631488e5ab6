"""One watcher leads a storage; when it ends, stands still or is cut off, another takes over."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from models.catalog.storage import Storage
from models.core.process_report import ProcessReport
from models.core.sessions import Sessions, make_engine, make_sessions
from tests.waiting import wait_until
from watch.leader_election import LeaderElection

ONE, OTHER = uuid.uuid4(), uuid.uuid4()
LONG_SECONDS, SHORT_SECONDS = 600.0, 0.2
END_CONNECTIONS = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
NewElection = Callable[..., LeaderElection]


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

    def make(lease_seconds: float = LONG_SECONDS, process_id: uuid.UUID | None = None) -> LeaderElection:
        made.append(LeaderElection(sessions, lease_seconds, process_id))
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


def report(sessions: Sessions, process_id: uuid.UUID, name: str, age: float, *unseen: uuid.UUID) -> None:
    """Write what a process reported so many seconds ago."""
    with sessions.begin() as session:
        session.execute(text("DELETE FROM process_report WHERE process_id = :id"), {"id": process_id})
        session.add(
            ProcessReport(
                name=name,
                process_id=process_id,
                machine=name,
                queues=[],
                unseen={str(each): "gone" for each in unseen},
                media_folder_error=None,
                reported_at=datetime.now(UTC) - timedelta(seconds=age),
            )
        )


@pytest.mark.parametrize(
    ("own", "other", "is_left"),
    [
        # age and storages that are not seen
        ((0, ONE), (0,), True),
        ((0, ONE), (0, ONE), False),
        ((0,), (0,), False),
        ((0, ONE), (40,), False),
        ((40,), (0,), False),
        ((90,), (0,), True),
        ((90,), (90,), False),
        (None, (0,), False),
        ((0, ONE), None, False),
    ],
)
def test_a_watcher_leaves_a_storage_that_it_does_not_see_to_one_that_does(
    sessions: Sessions, elect: NewElection, own: tuple | None, other: tuple | None, is_left: bool
) -> None:
    mine, theirs = uuid.uuid4(), uuid.uuid4()
    first, second = elect(process_id=mine), elect(process_id=theirs)
    assert first.lead([ONE, OTHER]) == {ONE, OTHER}
    for process_id, name, values in ((mine, "watch@a", own), (theirs, "watch@b", other)):
        if values is not None:
            report(sessions, process_id, name, *values)
    # A worker that sees it does not lead it.
    report(sessions, uuid.uuid4(), "media@c", 0)
    left = {ONE} if is_left else set()
    if own is not None and own[0] > 60 and is_left:
        left = {ONE, OTHER}
    assert first.lead([ONE, OTHER]) == {ONE, OTHER} - left
    assert second.lead([ONE, OTHER]) == left
    # It does not take back what it does not see.
    second.close()
    assert first.lead([ONE, OTHER]) == {ONE, OTHER} - left
