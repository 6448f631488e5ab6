"""`tapeless up --search URL`: permitted users find dropped files in OpenSearch, also after a rebuild."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.core.base import new_id
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from tests.e2e.system import System, open_system
from tests.files import write
from tests.waiting import wait_until

SOON = {"TAPELESS_SWEEP_SECONDS": "0.5", "TAPELESS_POLL_SECONDS": "0.5"}


@pytest.fixture
def cluster(opensearch_url: str, worker_id: str) -> Iterator[ClusterConfig]:
    """Indexes of this test's own."""
    cluster = ClusterConfig(opensearch_url, f"e2e-{worker_id}-{new_id().hex}")
    yield cluster
    engine = OpenSearchEngine(cluster)
    for name in engine.indexes.names():
        engine.indexes.drop(name)
    engine.close()


@pytest.fixture
def system(tmp_path: Path, cluster: ClusterConfig) -> Iterator[System]:
    with open_system(tmp_path, TAPELESS_SEARCH_INDEX=cluster.index, **SOON) as system:
        write(tmp_path / "rushes", "interview.mov", *(f"plate.{frame}.exr" for frame in range(1001, 1011)))
        system.start("--search", cluster.url, tmp_path / "rushes")
        yield system


def test_what_is_dropped_is_found_in_the_cluster_before_and_after_a_rebuild(
    system: System, cluster: ClusterConfig
) -> None:
    system.wait_until_idle(11)
    assert system.ask("status")["search"] == "up"

    def found() -> list[str]:
        return [hit["title"] for hit in system.ask("search", "plate")["hits"]]

    wait_until(lambda: found() == ["plate"], what="the sequence is found")
    engine = OpenSearchEngine(cluster)
    before = engine.indexes.live()
    system.run("reindex", "--all")
    wait_until(lambda: engine.indexes.live() not in ([], before), what="a new index is in place", seconds=60)
    engine.close()
    assert found() == ["plate"]
    system.wait_until_idle(11)
    assert [finding["name"] for finding in system.ask("verify") if finding["broken"]] == []
