"""Overhead of our search over the bare query, sent by a plain HTTP client.

    python -m benchmarks.opensearch_search [--assets 100000] [--times 100] [--url DATABASE_URL] [--search URL]

A search under rights with two facets, as a member with three groups asks it, over documents of which he may read half.
"""

import argparse
import json
import time
import uuid
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import httpx
from sqlalchemy import text

from benchmarks.drain import database
from benchmarks.opensearch_drain import fill, search
from models.access.acl import Actor
from models.core.sessions import make_engine, make_sessions, transact
from models.core.timing import Timing
from models.schema import upgrade_database
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine, build_search_request
from search.query.criteria import parse_criteria
from services.indexing.drain import drain_concurrently
from services.searching.query import load_visibility, search_as

PROMISED = 1.5
RIGHTS = text("""
    INSERT INTO acl_entry (object_id, object_type, principal_id, inherited_from, principal_kind, permissions)
    SELECT id, 'assets', :principal, CAST('00000000-0000-0000-0000-000000000000' AS uuid), 'group', ARRAY['read']
    FROM asset WHERE abs(hashtext(id::text)) % 2 = 0
""")
BODY = {"query": "interview", "facets": ["media_type", "format_kind"]}


def milliseconds(works: Sequence[Callable[[], Any]], times: int) -> list[float]:
    """Return the medians of alternating runs, so that other load affects all alike; the first runs are warm-up."""
    took: list[list[float]] = [[] for _ in works]
    for number in range(times + 30):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            if number >= 30:
                took[place].append(time.perf_counter() - start)
    return [median(each) * 1000 for each in took]


def measure(url: str, search_url: str, assets: int, times: int) -> None:
    upgrade_database(url)
    connections = make_engine(url)
    sessions, engine = (
        make_sessions(connections),
        OpenSearchEngine(ClusterConfig(search_url, f"bench-{uuid.uuid4().hex}")),
    )
    group = uuid.uuid4()
    actor = Actor("load", uuid.uuid4(), group_ids=(group, uuid.uuid4(), uuid.uuid4()))
    try:
        fill(sessions, 0, assets)
        transact(sessions, lambda session: session.execute(RIGHTS, {"principal": group}))
        drain_concurrently(sessions, engine, Timing())
        engine.indexes.refresh()
        criteria = parse_criteria(BODY)
        visibility = load_visibility(sessions, actor)
        sent = json.dumps(build_search_request(criteria, visibility)).encode()
        path = f"{search_url}/{engine.indexes.alias}/_search"
        with httpx.Client(headers={"Content-Type": "application/json"}) as client:
            works = [
                lambda: client.post(path, content=sent).json(),
                lambda: search_as(sessions, engine, criteria, actor),
                lambda: engine.search(criteria, visibility),
            ]
            bare, ours, engine_alone = milliseconds(works, times)
        total = search_as(sessions, engine, criteria, actor).total
        print(f"bare query       {bare:8.1f} ms, {total:,} hits of {assets:,} documents, two facets, under rights")
        print(f"engine alone     {engine_alone:8.1f} ms")
        print(f"search           {ours:8.1f} ms; search / bare = {ours / bare:.2f} of the {PROMISED} promised")
    finally:
        for name in engine.indexes.names():
            engine.indexes.drop(name)
        engine.close()
        connections.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--url", help="an empty database; without it one is made and thrown away")
    parser.add_argument("--search", help="an OpenSearch; without it one is started and thrown away")
    options = parser.parse_args()
    with database(options.url) as url, search(options.search) as search_url:
        measure(url, search_url, options.assets, options.times)


if __name__ == "__main__":
    main()
