"""How fast marks become documents in OpenSearch, and how fast a whole new index is built, against bulk requests alone.

    python -m benchmarks.opensearch_drain [--assets 20000] [--rebuild 200000] [--url DATABASE_URL] [--search URL]

Without --search a node of its own is started, with half a gigabyte. Raw is opensearch-py's own `helpers.bulk` with the
documents of the first drain, ready as dictionaries, 500 at a time, into an index of the same mapping that has them
already, as the drained one has. Both take turns, and the medians count. The drain is that of a long queue: the two
children of the index worker share it.
"""

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from opensearchpy import OpenSearch, helpers
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from benchmarks.drain import database, write_assets
from models.catalog.asset import Asset
from models.core.sessions import Sessions, make_engine, make_sessions, read_snapshot, transact
from models.core.statements import execute_dml
from models.core.timing import Timing
from models.queues.index_queue import DocumentKey, has_pending_single_changes
from models.schema import upgrade_database
from search.document import Document
from search.documents.builders import build_documents
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from search.opensearch.mapping import document_id_of, encode_source
from search.query.criteria import Visibility, parse_criteria
from services.indexing.audit import audit_index_pages
from services.indexing.drain import MAX_INDEX_BATCH_DOCUMENTS, drain_concurrently
from services.indexing.rebuild import rebuild_jobs
from services.indexing.requests import start_index_rebuild
from services.jobs.runner import JobPause
from tests.search.opensearch.node import Node, user_cache
from workers.celery.gc_tuning import tune_garbage_collector
from workers.local_stack import INDEX_CHILDREN

FIRST = text("SELECT object_id FROM index_mark ORDER BY revision LIMIT 20000")
ROUNDS = 9
PROMISED_DRAIN, PROMISED_REBUILD, PROMISED_SECONDS, PROMISED_BYTES = 0.6, 0.4, 3.0, 64_000_000


@contextmanager
def search(url: str | None) -> Iterator[str]:
    """The cluster at `url`, or a node that is thrown away."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="tapeless-node-") as folder:
        node = Node(Path(folder), user_cache(Path.home()), java_options=())
        node.start()
        try:
            yield node.url
        finally:
            node.stop()


def fill(sessions: Sessions, first: int, last: int) -> None:
    """Rows of assets, with their marks."""
    for start in range(first, last, 500):
        numbers = range(start, min(start + 500, last))
        transact(sessions, write_assets, numbers)


class Raw:
    """Bulk requests alone: the documents are built, and the client has nothing else to do."""

    def __init__(self, sessions: Sessions, engine: OpenSearchEngine, url: str) -> None:
        with sessions() as session:
            ids: list[uuid.UUID] = list(session.scalars(FIRST))
        keys = [DocumentKey("assets", object_id) for object_id in ids]
        self._documents = read_snapshot(sessions, lambda session: build_documents(session, keys))
        self._engine = engine
        self._client = OpenSearch([url], timeout=60)
        self._name = engine.indexes.new_name()
        self._runs = 0

    def __enter__(self) -> "Raw":
        self._engine.indexes.create(self._name)
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.indexes.drop(self._name)
        self._client.close()

    def rate(self) -> float:
        """Documents a second; the first time into an empty index, then over what is there."""
        self._runs += 1
        actions = [action(self._name, document, self._runs) for document in self._documents]
        start = time.perf_counter()
        helpers.bulk(self._client, actions, chunk_size=MAX_INDEX_BATCH_DOCUMENTS)
        return len(actions) / (time.perf_counter() - start)


def action(name: str, document: Document, run: int) -> dict[str, Any]:
    """A document as `helpers.bulk` takes it, in a revision that is newer with every run."""
    head = {"_index": name, "_id": document_id_of(document.key), "version_type": "external_gte"}
    return {**head, "version": document.revision + run, "_source": json.loads(encode_source(document))}


CHILD: list[tuple[Sessions, OpenSearchEngine]] = []
"""Connections of one child process of the worker."""


def open_child(url: str, cluster: ClusterConfig) -> None:
    CHILD.append((make_sessions(make_engine(url)), OpenSearchEngine(cluster)))
    tune_garbage_collector()


def drain_in_child(_: int) -> int:
    ((sessions, engine),) = CHILD
    return drain_concurrently(sessions, engine, Timing()).written


@contextmanager
def children(url: str, cluster: ClusterConfig) -> Iterator[Callable[[], int]]:
    """The index worker's children; call what is given to have them drain everything."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(INDEX_CHILDREN, spawn, open_child, (url, cluster)) as pool:
        yield lambda: sum(pool.map(drain_in_child, range(INDEX_CHILDREN)))


def drain_rate(drain_all: Callable[[], int], assets: int) -> float:
    start = time.perf_counter()
    done = drain_all()
    assert done == assets, done
    return assets / (time.perf_counter() - start)


def paired(sessions: Sessions, raw: Raw, drain_all: Callable[[], int], assets: int) -> Sequence[tuple[float, float]]:
    """Rates of both, one after the other; the node compiles what it runs often, so the first pair does not count."""
    rates = []
    for number in range(ROUNDS + 1):
        before = raw.rate()
        transact(sessions, partial(change_all, external_id=f"z{number}"))
        rates.append((before, drain_rate(drain_all, assets)))
    return rates[1:]


def change_all(session: Session, external_id: str) -> None:
    session.execute(update(Asset).values(external_id=external_id))


def mark_all(sessions: Sessions) -> float:
    """Seconds of one statement that changes what every document shows."""
    start = time.perf_counter()
    transact(sessions, partial(change_all, external_id="x"))
    return time.perf_counter() - start


def peak_bytes(sessions: Sessions, engine: OpenSearchEngine) -> int:
    """Return the peak memory of a drain, by its own allocations."""
    transact(sessions, partial(change_all, external_id="y"))
    tracemalloc.start()
    drain_concurrently(sessions, engine, Timing(), 5_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    drain_concurrently(sessions, engine, Timing())
    return peak


class Singles(threading.Thread):
    """Change one asset after another while an index is built, and record how late each is found."""

    def __init__(self, sessions: Sessions, engine: OpenSearchEngine) -> None:
        super().__init__(daemon=True)
        self.sessions, self.engine = sessions, engine
        self.stopped = threading.Event()
        self.late: list[float] = []
        with sessions() as session:
            self.ids = list(session.scalars(text("SELECT id FROM asset ORDER BY random() LIMIT 1000")))

    def run(self) -> None:
        for number, asset_id in enumerate(self.ids):
            if self.stopped.wait(0.5):
                return
            name = f"single{number:05}x"
            change = update(Asset).where(Asset.id == asset_id).values(title=name)
            start = time.perf_counter()
            transact(self.sessions, execute_dml, change)
            criteria = parse_criteria({"query": name})
            while not self.engine.search(criteria, Visibility(everything=True)).total:
                time.sleep(0.05)
            self.late.append(time.perf_counter() - start)


def rebuild_rate(sessions: Sessions, engine: OpenSearchEngine, assets: int) -> tuple[float, list[float]]:
    """One child of the worker: slices of the rebuild and drains take turns, as where another one is busy."""
    singles = Singles(sessions, engine)
    singles.start()
    job_id = transact(sessions, start_index_rebuild).id
    start = time.perf_counter()
    while JobPause in map(type, rebuild_jobs(engine).run(sessions, [job_id], Timing()).values()):
        with sessions() as session:
            fresh = has_pending_single_changes(session)
        if fresh:
            drain_concurrently(sessions, engine, Timing())
    seconds = time.perf_counter() - start
    singles.stopped.set()
    # The last change may have come after the last drain.
    drain_concurrently(sessions, engine, Timing())
    singles.join()
    return assets / seconds, sorted(singles.late)


def compare_seconds(sessions: Sessions, engine: OpenSearchEngine, assets: int) -> float:
    """Seconds of one comparison of every revision between the database and the index, as `tapeless verify` makes it."""
    start = time.perf_counter()
    compared = list(audit_index_pages(sessions, engine))
    seconds = time.perf_counter() - start
    assert sum(each.checked for each in compared) >= assets
    assert not any(each.lacking or each.ahead or each.orphans for each in compared)
    return seconds


def measure(url: str, search_url: str, assets: int, rebuilt: int) -> None:
    upgrade_database(url)
    connections = make_engine(url, pool_size=10)
    cluster = ClusterConfig(search_url, f"bench-{uuid.uuid4().hex}")
    sessions, engine = make_sessions(connections), OpenSearchEngine(cluster)
    tune_garbage_collector()
    try:
        fill(sessions, 0, assets)
        drain_concurrently(sessions, engine, Timing())
        with children(url, cluster) as drain_all, Raw(sessions, engine, search_url) as once:
            once.rate()
            pairs = paired(sessions, once, drain_all, assets)
        raw = median(rate for rate, _ in pairs)
        print(f"raw bulk         {raw:8,.0f} documents a second")
        print(
            f"drained          {median(rate for _, rate in pairs):8,.0f} documents a second; drain / raw = "
            f"{median(drained / before for before, drained in pairs):.2f} of the {PROMISED_DRAIN} promised"
        )
        peak = peak_bytes(sessions, engine)
        print(f"a drain holds    {peak / 1e6:8,.0f} MB of the {PROMISED_BYTES / 1e6:.0f} promised")
        if rebuilt:
            fill(sessions, assets, rebuilt)
            drain_concurrently(sessions, engine, Timing())
            print(f"fan-out          {mark_all(sessions):8.1f} s for one statement that marks {rebuilt:,} documents")
            drain_concurrently(sessions, engine, Timing())
            with Raw(sessions, engine, search_url) as empty:
                raw = empty.rate()
            print(f"raw, empty index {raw:8,.0f} documents a second")
            rate, late = rebuild_rate(sessions, engine, rebuilt)
            print(
                f"rebuilt          {rate:8,.0f} documents a second; rebuild / raw = {rate / raw:.2f} "
                f"of the {PROMISED_REBUILD} promised"
            )
            seconds = compare_seconds(sessions, engine, rebuilt)
            million = seconds / rebuilt * 1e6
            print(f"compared         {seconds:8.1f} s for {rebuilt:,} revisions, so {million:,.0f} s for a million")
            told = f"{late[int(len(late) * 0.95)]:8.2f} s until 95 of 100 of" if late else "     too short for any of"
            print(f"single changes   {told} {len(late)} were found meanwhile, of the {PROMISED_SECONDS:g} promised")
    finally:
        for name in engine.indexes.names():
            engine.indexes.drop(name)
        engine.close()
        connections.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=20_000)
    parser.add_argument("--rebuild", type=int, default=200_000, help="assets of the index that is built anew; 0: none")
    parser.add_argument("--url", help="an empty database; without it one is made and thrown away")
    parser.add_argument("--search", help="an OpenSearch; without it one is started and thrown away")
    options = parser.parse_args()
    with database(options.url) as url, search(options.search) as search_url:
        measure(url, search_url, options.assets, options.rebuild)


if __name__ == "__main__":
    main()
