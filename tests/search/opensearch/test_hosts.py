"""A cluster may be named by several nodes, with shards and copies of its own choice."""

from typing import Any

import httpx
import pytest

from models.core.base import new_id
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from search.opensearch.mapping import replica_settings
from tests.tls import free_loopback_port


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://node:9200", ["http://node:9200"]),
        ("http://node:9200/", ["http://node:9200"]),
        ("https://ann:pw@n1:9200,n2:9201/", ["https://ann:pw@n1:9200", "https://ann:pw@n2:9201"]),
    ],
)
def test_an_address_names_its_nodes(url: str, hosts: list[str]) -> None:
    assert ClusterConfig(url).hosts == hosts


@pytest.mark.parametrize(
    ("replicas", "settings"),
    [
        (None, {"auto_expand_replicas": "0-1"}),
        (0, {"auto_expand_replicas": False, "number_of_replicas": 0}),
        (2, {"auto_expand_replicas": False, "number_of_replicas": 2}),
    ],
)
def test_copies_follow_the_nodes_unless_their_number_is_set(replicas: int | None, settings: dict[str, Any]) -> None:
    assert replica_settings(replicas) == settings


def test_an_index_is_made_with_its_shards_and_gets_its_copies_when_it_is_searched(opensearch_url: str) -> None:
    """One of the two nodes does not answer, so each request goes to the other."""
    away = f"127.0.0.1:{free_loopback_port()}"
    url = f"http://{away},{opensearch_url.removeprefix('http://')}"
    engine = OpenSearchEngine(ClusterConfig(url, f"hosts-{new_id().hex}", shards=3, replicas=1))
    name = engine.indexes.new_name()

    def settings(*names: str) -> list[str]:
        answer = httpx.get(f"{opensearch_url}/{name}/_settings").json()
        return [answer[name]["settings"]["index"][each] for each in names]

    try:
        engine.indexes.create(name, building=True)
        assert settings("number_of_shards", "number_of_replicas") == ["3", "0"]
        engine.indexes.open(name)
        assert settings("number_of_replicas", "auto_expand_replicas") == ["1", "false"]
    finally:
        engine.indexes.drop(name)
        engine.close()
