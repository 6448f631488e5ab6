"""The engine under test: every promise of this folder is one that each engine has to keep."""

from collections.abc import Iterator

import pytest

from models.sessions import Sessions, make_engine, make_sessions
from search.engine import SearchEngine
from search.postgres import PostgresEngine


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def engine(sessions: Sessions) -> SearchEngine:
    return PostgresEngine(sessions)
