"""Draining: everything marked becomes searchable, once, in a fair order, whatever goes wrong in between."""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from celery import Celery
from sqlalchemy import select, text, update

import tasks.index
from models.asset import Asset, FileSet
from models.index_mark import IndexMark
from models.index_queue import (
    MAX_ERRORS,
    MAX_NARROWED,
    DocumentKey,
    TooManyNarrowedError,
    claim,
    lag_seconds,
    narrowed_keys,
    needs_ring,
    parked,
    unpark,
    waiting,
)
from models.migrations.marking import BULK
from models.sessions import Sessions, make_engine, make_sessions, transact
from models.timing import Timing
from search.criteria import Visibility, parse_criteria
from search.documents import Document
from search.engine import Outcome, SearchUnavailableError
from search.postgres import PostgresEngine
from tasks.index import BATCH, BATCH_BYTES, DrainResult, drain, drain_index
from tests.search.rows import add_asset, add_clip, add_file_set, add_format
from tests.waiting import wait_until

QUICK = Timing(lease_seconds=0.2)
CALM = Timing(lease_seconds=60)


class Remote(PostgresEngine):
    """An engine behind a network: what it answers, and what happens meanwhile, is the test's to say."""

    def __init__(self, sessions: Sessions, answer: Callable[[Sequence[Document]], None]) -> None:
        super().__init__(sessions)
        self.answer = answer
        self.batches: list[list[Document]] = []

    def write(self, documents: Sequence[Document]) -> list[Outcome]:
        self.batches.append(list(documents))
        self.answer(documents)
        return super().write(documents)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


def titles(sessions: Sessions, **body: Any) -> list[str]:
    """Titles of everything that is found, in order."""
    with sessions() as session:
        hidden = narrowed_keys(session)
    criteria = parse_criteria({"sort": [{"name": "title"}]} | body, per_page=1_000)
    hits = PostgresEngine(sessions).search(criteria, Visibility(everything=True, excluded=hidden)).hits
    return [hit.title for hit in hits]


def ask(sessions: Sessions, question: Callable[[Any], Any]) -> Any:
    with sessions() as session:
        return question(session)


def mark_of(sessions: Sessions, asset_id: uuid.UUID) -> IndexMark:
    return ask(sessions, lambda session: session.get(IndexMark, ("assets", asset_id)))


def add(sessions: Sessions, *names: str) -> list[uuid.UUID]:
    """Assets, each in a transaction of its own."""
    return [transact(sessions, lambda session, name=name: add_clip(session, name)) for name in names]


def is_index_equal_to_rows(sessions: Sessions) -> bool:
    query = text(
        "SELECT count(*) FROM index_mark mark FULL JOIN search_document stored USING (object_type, object_id) "
        "WHERE mark.revision IS DISTINCT FROM stored.revision"
    )
    return ask(sessions, lambda session: session.scalar(query)) == 0


def test_everything_marked_is_searchable_after_a_drain_and_nothing_is_left(sessions: Sessions) -> None:
    add(sessions, "a", "b")
    assert ask(sessions, needs_ring)
    assert ask(sessions, waiting) == 2
    assert ask(sessions, lag_seconds) > 0
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=2)
    assert titles(sessions) == ["a", "b"]
    assert not ask(sessions, needs_ring)
    assert (ask(sessions, waiting), ask(sessions, lag_seconds)) == (0, 0)
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult()


def test_more_than_one_batch_is_drained_in_one_go(sessions: Sessions) -> None:
    with sessions.begin() as session:
        for number in range(BATCH + 7):
            add_asset(session, f"{number}")
    assert drain(sessions, PostgresEngine(sessions), CALM).written == BATCH + 7
    assert is_index_equal_to_rows(sessions)


def test_a_delete_leaves_searches_at_its_commit_and_the_index_at_the_drain(sessions: Sessions) -> None:
    (asset_id, _) = add(sessions, "gone", "here")
    drain(sessions, PostgresEngine(sessions), CALM)
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == asset_id).values(status="DELETED"))
    assert titles(sessions) == ["here"]
    assert ask(sessions, narrowed_keys) == {DocumentKey("assets", asset_id)}
    drain(sessions, PostgresEngine(sessions), CALM)
    assert titles(sessions) == ["here"]
    assert ask(sessions, narrowed_keys) == frozenset()
    assert is_index_equal_to_rows(sessions)


def test_a_change_while_its_document_is_written_stays_marked_and_is_drained_next(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "first")
    changes = iter(["second", "third"])

    def change_once(_: Sequence[Document]) -> None:
        for title in itertools.islice(changes, 1):
            with sessions.begin() as session:
                session.execute(update(Asset).values(title=title))

    engine = Remote(sessions, change_once)
    assert drain(sessions, engine, CALM, limit=1) == DrainResult(written=1, more=True)
    mark = mark_of(sessions, asset_id)
    assert mark.dirty_since is not None
    assert mark.lease_until is None
    drain(sessions, engine, CALM)
    assert [batch[0].title for batch in engine.batches] == ["first", "second", "third"]
    assert titles(sessions) == ["third"]
    assert is_index_equal_to_rows(sessions)


def test_a_newer_document_in_the_engine_is_success(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "clip")
    PostgresEngine(sessions).write([Document("assets", asset_id, 10**9, title="newer")])
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult(stale=1)
    assert ask(sessions, waiting) == 0


def test_what_was_hidden_goes_first_then_single_changes_then_floods_with_a_share(sessions: Sessions) -> None:
    with sessions.begin() as session:
        flood = [add_asset(session, f"flood {number}") for number in range(BULK + 20)]
    drain(sessions, PostgresEngine(sessions), CALM)
    with sessions.begin() as session:
        session.execute(update(Asset).values(title="flooded"))
    singles = add(sessions, *(f"single {number}" for number in range(10)))
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == flood[-1]).values(status="DELETED"))
    with sessions.begin() as session:
        taken = claim(session, 10, 60)
    ids = [key.object_id for key in taken]
    assert ids[0] == flood[-1]
    assert set(ids[1:10]) == set(singles[:9])
    assert len(ids) == 12
    assert set(ids[10:]) <= set(flood)


def test_drains_that_run_at_once_send_everything_once(sessions: Sessions) -> None:
    with sessions.begin() as session:
        for number in range(3 * BATCH):
            add_asset(session, f"{number}")
    engine = Remote(sessions, lambda _: None)
    drains = [threading.Thread(target=drain, args=(sessions, engine, CALM)) for _ in range(3)]
    for each in drains:
        each.start()
    for each in drains:
        each.join()
    assert sum(map(len, engine.batches)) == 3 * BATCH
    assert ask(sessions, waiting) == 0
    assert is_index_equal_to_rows(sessions)


def test_changes_and_drains_at_once_end_in_an_index_equal_to_the_rows(sessions: Sessions) -> None:
    ids = add(sessions, *"abcdefgh")
    engine = PostgresEngine(sessions)
    stop = threading.Event()

    def keep_draining() -> None:
        while not stop.is_set():
            drain(sessions, engine, CALM)

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
    drain(sessions, engine, CALM)
    assert ask(sessions, waiting) == 0
    assert is_index_equal_to_rows(sessions)
    with sessions() as session:
        assert titles(sessions) == sorted(session.scalars(select(Asset.title)))


def drain_until_parked(sessions: Sessions, engine: PostgresEngine, seconds: float = 10) -> None:
    def is_parked() -> bool:
        drain(sessions, engine, QUICK)
        return ask(sessions, parked) == 1

    wait_until(is_parked, what="the document is parked", seconds=seconds)


@dataclass
class Poison:
    """A part of the network that breaks on one title."""

    title: str
    tries: list[int] = field(default_factory=list)

    def __call__(self, documents: Sequence[Document]) -> None:
        if any(document.title == self.title for document in documents):
            self.tries.append(len(documents))
            raise ValueError("answer 418")


def test_a_document_that_breaks_its_batch_is_tried_alone_and_parked_with_its_reason(sessions: Sessions) -> None:
    *_, poisoned = add(sessions, "a", "b", "poison")
    engine = Remote(sessions, Poison("poison"))
    assert drain(sessions, engine, CALM) == DrainResult(written=2, refused=1)
    assert titles(sessions) == ["a", "b"]
    with sessions.begin() as session:
        session.execute(update(IndexMark).values(lease_until=text("now()")).where(IndexMark.errors > 0))
    drain_until_parked(sessions, engine)
    mark = mark_of(sessions, poisoned)
    assert (mark.errors, mark.error) == (MAX_ERRORS, "ValueError: answer 418")
    assert engine.answer.tries[1:] == [1] * MAX_ERRORS
    assert (ask(sessions, waiting), ask(sessions, needs_ring), ask(sessions, lag_seconds)) == (0, False, 0)


def test_a_document_that_the_engine_refuses_is_parked_and_comes_back_with_its_next_change(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "refused")

    class Refusing(PostgresEngine):
        def write(self, documents: Sequence[Document]) -> list[Outcome]:
            bad = {one.key: Outcome(one.key, one.revision, "refused", "no such field") for one in documents}
            good = [one for one in documents if one.title != "refused"]
            return [*super().write(good), *(bad[one.key] for one in documents if one not in good)]

    engine = Refusing(sessions)
    drain_until_parked(sessions, engine)
    assert mark_of(sessions, asset_id).error == "no such field"
    assert drain(sessions, engine, CALM) == DrainResult()
    with sessions.begin() as session:
        session.execute(update(Asset).values(title="good"))
    assert drain(sessions, engine, CALM) == DrainResult(written=1)
    mark = mark_of(sessions, asset_id)
    assert (mark.errors, mark.error, mark.parked_at) == (0, None, None)


def test_a_person_can_take_up_again_what_is_parked(sessions: Sessions) -> None:
    add(sessions, "poison")
    drain_until_parked(sessions, Remote(sessions, Poison("poison")))
    with sessions.begin() as session:
        assert unpark(session) == 1
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=1)
    assert ask(sessions, parked) == 0


def test_a_parked_document_that_was_hidden_stays_left_out(sessions: Sessions) -> None:
    add(sessions, "secret")
    drain(sessions, PostgresEngine(sessions), CALM)
    with sessions.begin() as session:
        session.execute(update(Asset).values(status="DELETED"))
    drain_until_parked(sessions, Remote(sessions, Poison("")))
    assert titles(sessions) == []


def test_a_mark_of_a_type_that_nobody_builds_keeps_back_nothing_else(sessions: Sessions) -> None:
    add(sessions, "a", "b")
    with sessions.begin() as session:
        session.execute(text("SELECT mark_for_index('dreams', ARRAY[gen_random_uuid()])"))
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=2, refused=1)


@pytest.mark.parametrize("outage", [SearchUnavailableError("no route"), psycopg.OperationalError("closed")])
def test_while_the_engine_is_away_marks_wait_as_they_are(sessions: Sessions, outage: Exception) -> None:
    (asset_id, _) = add(sessions, "a", "b")
    before = mark_of(sessions, asset_id)

    def fail(_: Sequence[Document]) -> None:
        raise outage

    for _ in range(MAX_ERRORS + 1):
        with pytest.raises(type(outage)):
            drain(sessions, Remote(sessions, fail), CALM)
        mark = mark_of(sessions, asset_id)
        assert (mark.revision, mark.dirty_since, mark.lease_until, mark.errors) == (
            before.revision,
            before.dirty_since,
            None,
            0,
        )
    assert ask(sessions, needs_ring)
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=2)


def test_an_outage_counts_no_try_of_a_suspect(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "a")
    with sessions.begin() as session:
        claim(session, 1, 0)

    def fail(_: Sequence[Document]) -> None:
        raise SearchUnavailableError("no route")

    for _ in range(MAX_ERRORS + 2):
        with pytest.raises(SearchUnavailableError):
            drain(sessions, Remote(sessions, fail), CALM)
    assert (mark_of(sessions, asset_id).errors, ask(sessions, parked)) == (0, 0)
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=1)


def test_what_a_drain_died_on_is_taken_up_one_by_one(sessions: Sessions) -> None:
    add(sessions, "a", "b", "c")
    with sessions.begin() as session:
        assert len(claim(session, 10, 0.05)) == 3
    engine = Remote(sessions, lambda _: None)
    wait_until(lambda: ask(sessions, needs_ring), what="the leases end")
    assert drain(sessions, engine, CALM) == DrainResult(written=3)
    assert [len(batch) for batch in engine.batches if batch] == [1, 1, 1]
    assert ask(sessions, waiting) == 0


def test_what_kills_every_drain_is_parked(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "deadly")

    def die(_: Sequence[Document]) -> None:
        raise KeyboardInterrupt

    def is_parked() -> bool:
        try:
            drain(sessions, Remote(sessions, die), Timing(lease_seconds=0.05))
        except KeyboardInterrupt:
            return False
        return ask(sessions, parked) == 1

    wait_until(is_parked, what="the document is parked")
    assert "drain ended 3 times" in mark_of(sessions, asset_id).error


def test_a_lease_keeps_other_drains_away_until_it_ends(sessions: Sessions) -> None:
    add(sessions, "a")
    with sessions.begin() as session:
        assert len(claim(session, 10, 60)) == 1
    assert drain(sessions, PostgresEngine(sessions), CALM) == DrainResult()
    assert not ask(sessions, needs_ring)
    assert ask(sessions, waiting) == 1


def test_no_transaction_is_open_while_the_engine_works(sessions: Sessions) -> None:
    add(sessions, "a")
    open_ones = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now()")
    seen: list[int] = []
    engine = Remote(sessions, lambda _: seen.append(ask(sessions, lambda session: session.scalar(open_ones))))
    drain(sessions, engine, CALM)
    assert seen == [0]


def test_no_write_holds_more_text_than_its_share(sessions: Sessions) -> None:
    names = ["x" * 200 + f"{number}" for number in range(1_000)]
    with sessions.begin() as session:
        for number in range(70):
            asset_id = add_asset(session, f"{number}")
            add_file_set(session, asset_id, add_format(session, asset_id), names)
    engine = Remote(sessions, lambda _: None)
    assert drain(sessions, engine, CALM).written == 70
    sizes = [sum(len(whole) for document in batch for whole in document.texts.values()) for batch in engine.batches]
    assert max(sizes) <= BATCH_BYTES
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
        drain(sessions, PostgresEngine(sessions), CALM)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64_000_000


def test_ten_thousand_hidden_objects_can_be_left_out_and_no_more(sessions: Sessions) -> None:
    hide = text("SELECT mark_for_index('assets', array_agg(gen_random_uuid()), true) FROM generate_series(1, :count)")
    with sessions.begin() as session:
        session.execute(hide, {"count": MAX_NARROWED})
    assert len(ask(sessions, narrowed_keys)) == MAX_NARROWED
    with sessions.begin() as session:
        session.execute(hide, {"count": 1})
    with pytest.raises(TooManyNarrowedError, match="10000"):
        ask(sessions, narrowed_keys)


def test_the_lag_is_the_age_of_the_oldest_difference(sessions: Sessions) -> None:
    ids = add(sessions, "a", "b")
    with sessions.begin() as session:
        session.execute(
            update(IndexMark)
            .where(IndexMark.object_id == ids[1])
            .values(dirty_since=text("now() - interval '1 hour'"), bulk=True)
        )
    assert 3_600 <= ask(sessions, lag_seconds) < 3_700


@dataclass
class Context:
    """What the worker hands to a task."""

    sessions: Sessions
    engine: PostgresEngine
    timing: Timing
    rung: list[tuple[str, list[object]]] = field(default_factory=list)

    def ring(self, task: str, ids: list[object]) -> None:
        self.rung.append((task, ids))


def test_the_task_drains_and_rings_again_where_one_message_is_not_enough(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("tests", set_as_current=False)
    app.context = Context(sessions, PostgresEngine(sessions), CALM)
    task = app.tasks[drain_index.name]
    assert drain_index.name == "index.drain"
    add(sessions, "a", "b", "c")
    monkeypatch.setattr(tasks.index, "TASK_LIMIT", 2)
    task.apply(args=[[]], throw=True)
    assert (titles(sessions), app.context.rung) == (["a", "b"], [("index.drain", [])])
    task.apply(args=[[]], throw=True)
    assert (titles(sessions), len(app.context.rung)) == (["a", "b", "c"], 1)


def test_a_file_set_that_grows_is_found_by_its_new_files(sessions: Sessions) -> None:
    add(sessions, "plate")
    drain(sessions, PostgresEngine(sessions), CALM)
    assert titles(sessions, query="1002") == []
    with sessions.begin() as session:
        session.execute(update(FileSet).values(names="plate.1001.exr\nplate.1002.exr", file_count=2))
    drain(sessions, PostgresEngine(sessions), CALM)
    assert titles(sessions, query="1002") == ["plate"]
