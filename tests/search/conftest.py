"""The engines under test: every promise of this folder is one that each of them has to keep."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from models.core.base import new_id
from models.core.sessions import Sessions, make_sessions
from search.document import Document
from search.engine import SearchEngine, WriteOutcome
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from search.postgres.engine import PostgresEngine
from tests.engines import open_engine


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


class Refreshing(OpenSearchEngine):
    """Finds what was written at once, where others wait for the next second."""

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
        outcomes = super().write(documents, targets)
        self.indexes.refresh()
        return outcomes


@pytest.fixture
def opensearch(opensearch_url: str, worker_id: str) -> Iterator[OpenSearchEngine]:
    """An engine on an index of its own."""
    engine = Refreshing(ClusterConfig(opensearch_url, f"{worker_id}-{new_id().hex}"))
    name = engine.indexes.new_name()
    engine.indexes.create(name)
    engine.indexes.point_to(name)
    yield engine
    engine.indexes.drop(name)
    engine.close()


@pytest.fixture(params=["postgres", "opensearch"])
def engine(request: pytest.FixtureRequest) -> SearchEngine:
    """Each engine in turn."""
    if request.param == "opensearch":
        return request.getfixturevalue("opensearch")
    return PostgresEngine(request.getfixturevalue("sessions"))


@pytest.fixture
def poison(engine: SearchEngine) -> dict[str, Any]:
    """Parts of a document that this engine can never store."""
    return {"readers": ["x" * 40_000]} if isinstance(engine, OpenSearchEngine) else {"body": {"note": "a\0b"}}
