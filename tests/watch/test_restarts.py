"""A watcher that ends with an error starts again, and says so where people and monitoring look."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from models.core.sessions import transact
from services.operations.metrics import read_row_metrics
from services.storages.storages import NewStorage, add_storage
from tests.files import write
from tests.pipeline import FAST, Pipeline
from tests.waiting import wait_until
from watch.disk.clock import Clock
from watch.watcher import Watcher

REFUSE = text("ALTER TABLE folder ADD CONSTRAINT ck_folder_refuse CHECK (name <> 'bad')")
ADMIT = text("ALTER TABLE folder DROP CONSTRAINT ck_folder_refuse")


def hanging_clock(released: threading.Event) -> Clock:
    """A clock that holds the thread of one storage up, as a mount does whose server is away."""

    def monotonic() -> float:
        if threading.current_thread().name == "watch Hung":
            released.wait()
        return time.monotonic()

    return Clock(monotonic=monotonic)


@contextmanager
def running_watcher(pipeline: Pipeline, clock: Clock | None = None) -> Iterator[None]:
    """The watcher of all storages, as its process runs it."""
    stop = threading.Event()
    watcher = Watcher(pipeline.sessions, FAST, pipeline.notify, frozenset(), clock or Clock())
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


def test_a_storage_that_hangs_and_is_left_holds_up_no_other(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    (tmp_path / "hung").mkdir()
    hung = transact(pipeline.sessions, add_storage, NewStorage(tmp_path / "hung", name="Hung")).id
    released = threading.Event()
    leave = text("UPDATE storage SET status = 'INACTIVE' WHERE id = :id")
    with running_watcher(pipeline, hanging_clock(released)), ExitStack() as ended:
        ended.callback(released.set)
        wait_until(lambda: pipeline.storage().watcher_until is not None, what="the watcher leads")
        with pipeline.sessions.begin() as session:
            session.execute(leave, {"id": hung})
        since = pipeline.storage().watcher_until
        assert since is not None
        wait_until(lambda: renewed_since(pipeline, since) > 2.0, what="the lease of the other storage is renewed")


def renewed_since(pipeline: Pipeline, since: datetime) -> float:
    until = pipeline.storage().watcher_until
    return 0.0 if until is None else (until - since).total_seconds()
