"""One engine for the databases of all tests of a process: a statement is compiled once, not once a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from models.core.sessions import make_engine


@dataclass(slots=True)
class SharedEngine:
    """An engine that connects to one database after another."""

    engine: Engine
    database: str | None = None
    borrowers: int = 0


@cache
def shared_engine(server: URL) -> SharedEngine:
    """The engine of this process for a server."""
    shared = SharedEngine(make_engine(server.render_as_string(hide_password=False)))

    @event.listens_for(shared.engine, "do_connect")
    def connect(_dialect: object, record: ConnectionPoolEntry, _arguments: object, parameters: dict[str, Any]) -> None:
        if shared.database is None:
            raise psycopg.OperationalError("the test that began this has ended")
        parameters["dbname"] = record.info["database"] = shared.database

    @event.listens_for(shared.engine, "checkout")
    def check_out(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        # A thread that outlives its test may have connected to the database of that test meanwhile.
        if record.info["database"] != shared.database:
            raise DisconnectionError

    return shared


@contextmanager
def open_engine(database_url: str) -> Iterator[Engine]:
    """Lend the engine to a test, without the listeners of others; its connections are closed at the end."""
    url = make_url(database_url)
    shared = shared_engine(url.set(database="postgres"))
    assert shared.database in (None, url.database), "one database at a time"
    shared.database = url.database
    shared.borrowers += 1
    try:
        yield shared.engine.execution_options()
    finally:
        shared.borrowers -= 1
        if not shared.borrowers:
            shared.engine.dispose()
            shared.database = None
