"""Draining: every marked document becomes searchable, once, in a fair order, despite any failure in between."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from celery import Celery
from sqlalchemy import delete, select, text, update

import tasks.index  # noqa: F401 - registers its tasks with every app
from models.catalog.asset import Asset, FileSet
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.migrations.marking import BULK
from models.queues.index_mark import IndexMark
from models.queues.index_queue import (
    MARK_QUEUE,
    MAX_ACCESS_REDUCED,
    DocumentKey,
    TooManyAccessReducedError,
    access_reduced_keys,
    claim_marks,
    index_lag_seconds,
)
from search.document import Document
from search.postgres.engine import PostgresEngine
from services.indexing import drain
from services.indexing.drain import MAX_INDEX_BATCH_BYTES, MAX_INDEX_BATCH_DOCUMENTS, DrainResult, drain_index_queue
from tests.search.rows import add_asset, add_file_set, add_format
from tests.services.draining import CALM, Remote, add, ask, is_index_equal_to_rows, mark_of, titles


def test_everything_marked_is_searchable_after_a_drain_and_nothing_is_left(sessions: Sessions) -> None:
    add(sessions, "a", "b")
    assert ask(sessions, MARK_QUEUE.is_waiting)
    assert ask(sessions, MARK_QUEUE.count_pending) == 2
    assert ask(sessions, index_lag_seconds) > 0
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=2)
    assert titles(sessions) == ["a", "b"]
    assert not ask(sessions, MARK_QUEUE.is_waiting)
    assert (ask(sessions, MARK_QUEUE.count_pending), ask(sessions, index_lag_seconds)) == (0, 0)
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult()


def test_more_than_one_batch_is_drained_in_one_go(sessions: Sessions) -> None:
    with sessions.begin() as session:
        for number in range(MAX_INDEX_BATCH_DOCUMENTS + 7):
            add_asset(session, f"{number}")
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM).written == MAX_INDEX_BATCH_DOCUMENTS + 7
    assert is_index_equal_to_rows(sessions)


def test_a_delete_leaves_searches_at_its_commit_and_the_index_at_the_drain(sessions: Sessions) -> None:
    (asset_id, _) = add(sessions, "gone", "here")
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == asset_id).values(status="DELETED"))
    assert titles(sessions) == ["here"]
    assert ask(sessions, access_reduced_keys) == {DocumentKey("assets", asset_id)}
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    assert titles(sessions) == ["here"]
    assert ask(sessions, access_reduced_keys) == frozenset()
    assert is_index_equal_to_rows(sessions)


def test_removing_for_good_what_is_deleted_hides_it_from_nobody_again(sessions: Sessions) -> None:
    kept, deleted, undrained = add(sessions, "kept", "deleted", "undrained")
    gone = update(Asset).values(status="DELETED")
    transact(sessions, lambda session: session.execute(gone.where(Asset.id == deleted)))
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    transact(sessions, lambda session: session.execute(gone.where(Asset.id == undrained)))
    removed = delete(Asset).where(Asset.id.in_([deleted, undrained]))
    transact(sessions, lambda session: session.execute(removed))
    assert ask(sessions, access_reduced_keys) == {DocumentKey("assets", undrained)}
    transact(sessions, lambda session: session.execute(delete(Asset)))
    assert ask(sessions, access_reduced_keys) == {DocumentKey("assets", undrained), DocumentKey("assets", kept)}
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    assert is_index_equal_to_rows(sessions)


def test_a_change_while_its_document_is_written_stays_marked_and_is_drained_next(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "first")
    changes = iter(["second", "third"])

    def change_once(_: Sequence[Document]) -> None:
        for title in itertools.islice(changes, 1):
            with sessions.begin() as session:
                session.execute(update(Asset).values(title=title))

    engine = Remote(sessions, change_once)
    assert drain_index_queue(sessions, engine, CALM, limit=1) == DrainResult(written=1, more=True)
    mark = mark_of(sessions, asset_id)
    assert mark.dirty_since is not None
    assert mark.lease_until is None
    drain_index_queue(sessions, engine, CALM)
    assert [batch[0].title for batch in engine.batches] == ["first", "second", "third"]
    assert titles(sessions) == ["third"]
    assert is_index_equal_to_rows(sessions)


def test_a_newer_document_in_the_engine_is_success(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "clip")
    PostgresEngine(sessions).write([Document("assets", asset_id, 10**9, title="newer")])
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult(stale=1)
    assert ask(sessions, MARK_QUEUE.count_pending) == 0


def test_what_was_hidden_goes_first_then_single_changes_then_floods_with_a_share(sessions: Sessions) -> None:
    with sessions.begin() as session:
        flood = [add_asset(session, f"flood {number}") for number in range(BULK + 20)]
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    with sessions.begin() as session:
        session.execute(update(Asset).values(title="flooded"))
    singles = add(sessions, *(f"single {number}" for number in range(10)))
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == flood[-1]).values(status="DELETED"))
    with sessions.begin() as session:
        taken = claim_marks(session, 10, 60)
    ids = [key.object_id for key in taken]
    assert ids[0] == flood[-1]
    assert set(ids[1:10]) == set(singles[:9])
    assert len(ids) == 12
    assert set(ids[10:]) <= set(flood)


def test_drains_that_run_at_once_send_everything_once(sessions: Sessions) -> None:
    with sessions.begin() as session:
        for number in range(3 * MAX_INDEX_BATCH_DOCUMENTS):
            add_asset(session, f"{number}")
    engine = Remote(sessions, lambda _: None)
    drains = [threading.Thread(target=drain_index_queue, args=(sessions, engine, CALM)) for _ in range(3)]
    for each in drains:
        each.start()
    for each in drains:
        each.join()
    assert sum(map(len, engine.batches)) == 3 * MAX_INDEX_BATCH_DOCUMENTS
    assert ask(sessions, MARK_QUEUE.count_pending) == 0
    assert is_index_equal_to_rows(sessions)


def test_changes_and_drains_at_once_end_in_an_index_equal_to_the_rows(sessions: Sessions) -> None:
    ids = add(sessions, *"abcdefgh")
    engine = PostgresEngine(sessions)
    stop = threading.Event()

    def keep_draining() -> None:
        while not stop.is_set():
            drain_index_queue(sessions, engine, CALM)

    def keep_changing(turn: int) -> None:
        for number in range(25):
            chosen = ids[(number + turn) % len(ids) :]
            change = update(Asset).where(Asset.id.in_(chosen)).values(title=f"{turn}-{number}")
            transact(sessions, lambda session, change=change: session.execute(change))

    drains = [threading.Thread(target=keep_draining) for _ in range(2)]
    writers = [threading.Thread(target=keep_changing, args=(turn,)) for turn in range(2)]
    for each in [*drains, *writers]:
        each.start()
    for each in writers:
        each.join()
    stop.set()
    for each in drains:
        each.join()
    drain_index_queue(sessions, engine, CALM)
    assert ask(sessions, MARK_QUEUE.count_pending) == 0
    assert is_index_equal_to_rows(sessions)
    with sessions() as session:
        assert titles(sessions) == sorted(session.scalars(select(Asset.title)))


def test_a_lease_keeps_other_drains_away_until_it_ends(sessions: Sessions) -> None:
    add(sessions, "a")
    with sessions.begin() as session:
        assert len(claim_marks(session, 10, 60)) == 1
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult()
    assert not ask(sessions, MARK_QUEUE.is_waiting)
    assert ask(sessions, MARK_QUEUE.count_pending) == 1


def test_no_transaction_is_open_while_the_engine_works(sessions: Sessions) -> None:
    add(sessions, "a")
    open_ones = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now()")
    seen: list[int] = []
    engine = Remote(sessions, lambda _: seen.append(ask(sessions, lambda session: session.scalar(open_ones))))
    drain_index_queue(sessions, engine, CALM)
    assert seen == [0]


def test_no_write_holds_more_text_than_its_share(sessions: Sessions) -> None:
    names = ["x" * 200 + f"{number}" for number in range(1_000)]
    with sessions.begin() as session:
        for number in range(70):
            asset_id = add_asset(session, f"{number}")
            add_file_set(session, asset_id, add_format(session, asset_id), names)
    engine = Remote(sessions, lambda _: None)
    assert drain_index_queue(sessions, engine, CALM).written == 70
    sizes = [sum(len(whole) for document in batch for whole in document.texts.values()) for batch in engine.batches]
    assert max(sizes) <= MAX_INDEX_BATCH_BYTES
    assert [len(batch) for batch in engine.batches if batch] == [58, 12]


def test_a_drain_of_any_size_of_documents_stays_below_64_megabytes(sessions: Sessions) -> None:
    """Measured on the drain's own allocations."""
    tracemalloc = pytest.importorskip("tracemalloc")
    names = [f"plate_v{number:05}.{number * 7919:012}.exr" + "y" * 200 for number in range(1_000)]
    with sessions.begin() as session:
        for number in range(120):
            asset_id = add_asset(session, f"{number}")
            add_file_set(session, asset_id, add_format(session, asset_id), names)
    tracemalloc.start()
    try:
        drain_index_queue(sessions, PostgresEngine(sessions), CALM)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64_000_000


def test_ten_thousand_hidden_objects_can_be_left_out_and_no_more(sessions: Sessions) -> None:
    hide = text("SELECT mark_for_index('assets', array_agg(gen_random_uuid()), true) FROM generate_series(1, :count)")
    with sessions.begin() as session:
        session.execute(hide, {"count": MAX_ACCESS_REDUCED})
    assert len(ask(sessions, access_reduced_keys)) == MAX_ACCESS_REDUCED
    with sessions.begin() as session:
        session.execute(hide, {"count": 1})
    with pytest.raises(TooManyAccessReducedError, match="10000"):
        ask(sessions, access_reduced_keys)


def test_the_lag_is_the_age_of_the_oldest_difference(sessions: Sessions) -> None:
    ids = add(sessions, "a", "b")
    with sessions.begin() as session:
        session.execute(
            update(IndexMark)
            .where(IndexMark.object_id == ids[1])
            .values(dirty_since=text("now() - interval '1 hour'"), bulk=True)
        )
    assert 3_600 <= ask(sessions, index_lag_seconds) < 3_700


@dataclass
class Context:
    """What the worker hands to a task."""

    sessions: Sessions
    engine: PostgresEngine
    timing: Timing
    notified: list[tuple[str, list[object]]] = field(default_factory=list)

    def notify(self, task: str, ids: list[object]) -> None:
        self.notified.append((task, ids))


def test_the_task_drains_and_rings_again_where_one_message_is_not_enough(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("tests", set_as_current=False)
    app.context = Context(sessions, PostgresEngine(sessions), CALM)
    task = app.tasks["index.drain"]
    add(sessions, "a", "b", "c")
    monkeypatch.setattr(drain, "MAX_DRAIN_TASK_DOCUMENTS", 2)
    task.apply(args=[[]], throw=True)
    assert (titles(sessions), app.context.notified) == (["a", "b"], [("index.drain", [])])
    task.apply(args=[[]], throw=True)
    assert (titles(sessions), len(app.context.notified)) == (["a", "b", "c"], 1)


def test_a_file_set_that_grows_is_found_by_its_new_files(sessions: Sessions) -> None:
    add(sessions, "plate")
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    assert titles(sessions, query="1002") == []
    with sessions.begin() as session:
        session.execute(update(FileSet).values(names="plate.1001.exr\nplate.1002.exr", file_count=2))
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    assert titles(sessions, query="1002") == ["plate"]
