"""Two requests that meet: both wait for a row that the test holds, and go on one behind the other when it lets go."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tests.api.conftest import Api
from tests.waiting import wait_until

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@contextmanager
def row_held(api: Api, table: str, **where: str) -> Iterator[Callable[[int], None]]:
    """Hold a row for as long as the block runs; what it gives waits until so many others wait for locks."""
    named = " AND ".join(f"{column} = :{column}" for column in where)

    def wait_for(count: int) -> None:
        with api.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            wait_until(lambda: connection.scalar(WAITING) >= count, what=f"{count} requests wait for the row")

    with api.sessions.begin() as session:
        assert session.execute(text(f"SELECT FROM {table} WHERE {named} FOR UPDATE"), where).rowcount == 1
        yield wait_for
