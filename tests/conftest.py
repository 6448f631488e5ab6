"""Shared fixtures: real servers, and a fresh database and an empty broker for each test that requests them.

A missing server skips on a laptop and fails in CI (`CI` is set there), where skips would go unnoticed.
"""

import gc
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from media.demo.production import write_demo
from tests.pipeline import Pipeline, open_pipeline
from tests.rewriting import rewrite_share
from tests.search.opensearch.keeper import join_opensearch
from tests.search.opensearch.node import NodeError, user_cache
from tests.servers import Servers, ServersError, close_run, join_run, open_run
from workers.embedded.postgres import EmbeddedPostgres

IS_CI = bool(os.environ.get("CI"))
RUN = pytest.StashKey[Path]()
OPENSEARCH = pytest.StashKey[str]()
LONG = frozenset(
    {
        *("benchmarks", "browser", "compose", "docs", "e2e", "embedded", "faults", "processes", "upgrade"),
        *("test_types.py", "test_wheel.py"),
    }
)
"""Folders and files of few tests that take long: most wait for processes more than they compute."""
LONG_BEGIN_BEFORE = 0.75
"""Share of the run: of those that begin at the end, the last one would run alone."""
OPENSEARCH_URL = "TAPELESS_TEST_OPENSEARCH_URL"
"""Another OpenSearch than the one that a run starts; taken out of the environment, where it is no setting of ours."""


class RunOwner:
    """Hooks of the one process that owns the run: pytest itself, or the controller of parallel workers."""

    def __init__(self, run: Path, opensearch: str) -> None:
        self.run, self.opensearch = run, opensearch

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        """Pass the folder of the run to a new worker."""
        node.workerinput["tapeless_run"] = str(self.run)  # type: ignore[attr-defined]
        node.workerinput["tapeless_opensearch"] = self.opensearch  # type: ignore[attr-defined]

    def pytest_unconfigure(self) -> None:
        close_run(self.run)


settings.register_profile("long", max_examples=1000)
"""For `make properties`: ten times as many examples."""


def pytest_configure(config: pytest.Config) -> None:
    """Open the run, or join the one that the controller opened; notes of running systems are below its folder."""
    workerinput = getattr(config, "workerinput", None)
    if workerinput is None:
        config.stash[RUN] = open_run()
        config.stash[OPENSEARCH] = os.environ.pop(OPENSEARCH_URL, "")
        config.pluginmanager.register(RunOwner(config.stash[RUN], config.stash[OPENSEARCH]), "tapeless-run")
    else:
        config.stash[RUN] = Path(workerinput["tapeless_run"])
        config.stash[OPENSEARCH] = workerinput["tapeless_opensearch"]
        rewrite_share(config, int(workerinput["workerid"].removeprefix("gw")), workerinput["workercount"])
    os.environ["XDG_STATE_HOME"] = str(config.stash[RUN] / "state")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: flows through real processes wait as often as they compute."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Collect no garbage meanwhile: nearly everything that is made then lives as long as the run."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()  # no collection looks at it again
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run early tests first, then files with many tests, and between them, but not at the end, those that take long.

    xdist's own order knows no early ones, and leaves all the waiting to the end.
    """
    tests = Counter(item.path for item in items)
    computing, long = [], []
    for path in sorted(tests, key=lambda path: -tests[path]):
        (long if LONG.intersection(path.parts) else computing).append(path)
    place = {path: LONG_BEGIN_BEFORE * number / len(long) for number, path in enumerate(long)}
    done = 0
    for path in computing:
        place[path] = done / len(items)
        done += tests[path]
    items.sort(key=lambda item: (item.get_closest_marker("early") is None, place[item.path]))


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """The servers of this run."""
    try:
        servers = join_run(request.config.stash[RUN])
    except ServersError as error:
        if IS_CI:
            raise
        pytest.skip(str(error))
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def opensearch_url(request: pytest.FixtureRequest) -> str:
    """The OpenSearch of this run, started by the first test that asks; an index of one's own is up to the test."""
    try:
        given = request.config.stash[OPENSEARCH]
        return given or join_opensearch(request.config.stash[RUN], user_cache(Path.home()))
    except NodeError as error:
        if IS_CI:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> EmbeddedPostgres:
    """The PostgreSQL of this run; leave it running, tests/faults has servers to kill."""
    return servers.postgres


@pytest.fixture(scope="session")
def database_names(worker_id: str) -> Iterator[str]:
    """Names that no other worker uses."""
    return (f"test_{worker_id}_{number}" for number in itertools.count(1))


@pytest.fixture
def database_url(servers: Servers, database_names: Iterator[str]) -> Iterator[str]:
    """A fresh database with every migration, gone after the test."""
    name = next(database_names)
    servers.create_database(name)
    yield servers.postgres.url(name)
    servers.drop_database(name)


@pytest.fixture
def valkey_url(servers: Servers, worker_id: str) -> str:
    """An empty numbered database of Valkey that no other worker uses, in Celery's form."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    with closing(servers.valkey.client(number)) as client:
        client.flushdb()
    return servers.valkey.url(number)


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest) -> Path:
    """The demo, written once for all workers: only to be read or copied."""
    run = request.config.stash[RUN]
    with FileLock(run / "demo.lock"):
        if not (run / "demo-media").exists():
            write_demo(run / "draft", lambda line: None)
            (run / "draft").rename(run / "demo-media")
    return run / "demo-media"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A watched folder."""
    root = tmp_path / "rushes"
    root.mkdir()
    return root


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """One storage on `root`, stepped by the test."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        yield pipeline
