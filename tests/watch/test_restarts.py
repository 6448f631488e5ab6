"""A watcher that ends with an error starts again, and says so where people and monitoring look."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from services.operations.metrics import read_row_metrics
from tests.files import write
from tests.pipeline import FAST, Pipeline
from tests.waiting import wait_until
from watch.disk.clock import Clock
from watch.watcher import Watcher

REFUSE = text("ALTER TABLE folder ADD CONSTRAINT ck_folder_refuse CHECK (name <> 'bad')")
ADMIT = text("ALTER TABLE folder DROP CONSTRAINT ck_folder_refuse")


@contextmanager
def running_watcher(pipeline: Pipeline) -> Iterator[None]:
    """The watcher of all storages, as its process runs it."""
    stop = threading.Event()
    watcher = Watcher(pipeline.sessions, FAST, pipeline.notify, frozenset(), Clock())
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measured(pipeline: Pipeline, name: str) -> float:
    with pipeline.sessions() as session:
        (found,) = (dict(samples) for metric, samples in read_row_metrics(session) if metric.name == name)
    return found["Rushes",]


def test_a_watcher_that_starts_again_and_again_is_visible_until_it_has_caught_up(
    pipeline: Pipeline, root: Path
) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(REFUSE)
    write(root, "bad/take.mov")
    with running_watcher(pipeline):
        wait_until(lambda: pipeline.storage().watcher_restarts > 1, what="the watcher starts again")
        (storage,) = pipeline.status().storages
        assert "its watcher ended with an error and starts again (" in storage.message
        assert "ck_folder_refuse" in storage.message
        assert (storage.watcher_restarts > 1, measured(pipeline, "watcher_failing")) == (True, 1)
        assert "ck_folder_refuse" in pipeline.explain("bad/take.mov")
        with pipeline.sessions.begin() as session:
            session.execute(ADMIT)
        wait_until(lambda: pipeline.storage().watcher_error is None, what="the watcher caught up", seconds=30.0)
    assert pipeline.status_of("bad/take.mov") is not None
    assert pipeline.status().storages[0].message == ""
    assert (measured(pipeline, "watcher_failing"), measured(pipeline, "watcher_restarts") > 1) == (0, True)
