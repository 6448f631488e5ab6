"""Sessions on a database of the test's own."""

from collections.abc import Iterator

import pytest

from models.sessions import Sessions, make_engine, make_sessions


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()
