"""Transaction retries: a conflict in any statement restarts the whole transaction."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import MAX_TRANSACTION_TRIES, Sessions, make_engine, make_sessions, read_snapshot, transact
from models.core.statements import copy_rows


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


def insert(session: Session, name: str) -> None:
    session.add(Storage(name=name, root=f"/{name}".encode()))
    session.flush()


def copy(session: Session, name: str) -> None:
    copy_rows(session, Storage, ("id", "name", "root"), [(new_id(), name, f"/{name}".encode())])


@pytest.mark.parametrize("write", [insert, copy])
def test_two_transactions_that_cross_both_end(sessions: Sessions, write: Callable[[Session, str], None]) -> None:
    """Each takes a name that the other wants next: PostgreSQL ends one of them, and it is run again."""
    meet = Barrier(2)

    def take(first: str, second: str) -> int:
        runs = 0

        def work(session: Session) -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                write(session, first)
                meet.wait(10)
                write(session, second)

        transact(sessions, work)
        return runs

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(take, ["a", "b"], ["b", "a"]))
    assert sorted(runs) == [1, 2]


def test_what_crosses_again_and_again_is_an_error_in_the_end(sessions: Sessions) -> None:
    runs: list[int] = []

    def work(_session: Session) -> None:
        runs.append(1)
        raise psycopg.errors.SerializationFailure

    with pytest.raises(psycopg.errors.SerializationFailure):
        transact(sessions, work)
    assert len(runs) == MAX_TRANSACTION_TRIES


def test_any_other_error_ends_the_transaction_at_once_and_leaves_nothing(sessions: Sessions) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        insert(session, "twice")
        insert(session, "twice")

    with pytest.raises(IntegrityError):
        transact(sessions, work)
    with sessions() as session:
        assert session.scalar(select(func.count(Storage.id))) == 0
    assert len(runs) == 1


def test_a_snapshot_sees_one_moment_and_writes_nothing(sessions: Sessions) -> None:
    def look(session: Session) -> tuple[int, int]:
        before = session.scalar(select(func.count(Storage.id)))
        with sessions.begin() as other:
            insert(other, "meanwhile")
        return before, session.scalar(select(func.count(Storage.id)))

    assert read_snapshot(sessions, look) == (0, 0)
    with pytest.raises(Exception, match="read-only"):
        read_snapshot(sessions, lambda session: insert(session, "never"))
