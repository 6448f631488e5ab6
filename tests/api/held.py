"""Concurrent requests: both wait for a row lock that the test holds, and continue in turn when it is released."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tests.api.conftest import Api
from tests.waiting import wait_until

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@contextmanager
def row_held(api: Api, table: str, **where: str) -> Iterator[Callable[[int], None]]:
    """Lock a row for the duration of the block; the yielded function waits until this many others wait for locks."""
    named = " AND ".join(f"{column} = :{column}" for column in where)

    def wait_for(count: int) -> None:
        with api.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            wait_until(lambda: connection.scalar(WAITING) >= count, what=f"{count} requests wait for the row")

    with api.sessions.begin() as session:
        assert session.execute(text(f"SELECT FROM {table} WHERE {named} FOR UPDATE"), where).rowcount == 1
        yield wait_for
