"""A system that searches in OpenSearch: a database of its own, and indexes that begin with a name of its own."""

from collections.abc import Iterator

import pytest

from models.core.base import new_id
from models.core.sessions import Sessions, make_sessions
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from tests.engines import open_engine


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


@pytest.fixture
def alias(worker_id: str) -> str:
    """Begins the names of this test's indexes."""
    return f"{worker_id}-{new_id().hex}"


@pytest.fixture
def engine(opensearch_url: str, alias: str) -> Iterator[OpenSearchEngine]:
    """An engine without an index yet."""
    engine = OpenSearchEngine(ClusterConfig(opensearch_url, alias))
    yield engine
    for name in engine.indexes.names():
        engine.indexes.drop(name)
    engine.close()
