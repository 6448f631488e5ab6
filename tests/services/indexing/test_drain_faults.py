"""Failures of one document, an engine or a drain cost nothing but time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
import pytest
from sqlalchemy import text, update

from models.catalog.asset import Asset
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.index_mark import IndexMark
from models.queues.index_queue import (
    MARK_QUEUE,
    MAX_ISOLATED_TRIES,
    claim_marks,
    index_lag_seconds,
)
from search.document import Document
from search.engine import SearchUnavailableError, WriteOutcome
from search.postgres.engine import PostgresEngine
from services.indexing.drain import DrainResult, drain_index_queue
from tests.services.draining import CALM, QUICK, Remote, add, ask, mark_of, titles
from tests.waiting import wait_until


def drain_until_parked(sessions: Sessions, engine: PostgresEngine, seconds: float = 10) -> None:
    def is_parked() -> bool:
        drain_index_queue(sessions, engine, QUICK)
        return ask(sessions, MARK_QUEUE.count_dead_letters) == 1

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
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=2, refused=1)
    assert titles(sessions) == ["a", "b"]
    with sessions.begin() as session:
        session.execute(update(IndexMark).values(lease_until=text("now()")).where(IndexMark.errors > 0))
    drain_until_parked(sessions, engine)
    mark = mark_of(sessions, poisoned)
    assert (mark.errors, mark.error) == (MAX_ISOLATED_TRIES, "ValueError: answer 418")
    assert engine.answer.tries[1:] == [1] * MAX_ISOLATED_TRIES
    assert (
        ask(sessions, MARK_QUEUE.count_pending),
        ask(sessions, MARK_QUEUE.is_waiting),
        ask(sessions, index_lag_seconds),
    ) == (0, False, 0)


def test_a_document_that_the_engine_refuses_is_parked_and_comes_back_with_its_next_change(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "refused")

    class Refusing(PostgresEngine):
        def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
            bad = {one.key: WriteOutcome(one.key, one.revision, "refused", "no such field") for one in documents}
            good = [one for one in documents if one.title != "refused"]
            return [*super().write(good), *(bad[one.key] for one in documents if one not in good)]

    engine = Refusing(sessions)
    drain_until_parked(sessions, engine)
    assert mark_of(sessions, asset_id).error == "no such field"
    assert drain_index_queue(sessions, engine, CALM) == DrainResult()
    with sessions.begin() as session:
        session.execute(update(Asset).values(title="good"))
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=1)
    mark = mark_of(sessions, asset_id)
    assert (mark.errors, mark.error, mark.dead_lettered_at) == (0, None, None)


def test_a_person_can_take_up_again_what_is_parked(sessions: Sessions) -> None:
    add(sessions, "poison")
    drain_until_parked(sessions, Remote(sessions, Poison("poison")))
    with sessions.begin() as session:
        assert MARK_QUEUE.requeue(session) == 1
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=1)
    assert ask(sessions, MARK_QUEUE.count_dead_letters) == 0


def test_a_parked_document_that_was_hidden_stays_left_out(sessions: Sessions) -> None:
    add(sessions, "secret")
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    with sessions.begin() as session:
        session.execute(update(Asset).values(status="DELETED"))
    drain_until_parked(sessions, Remote(sessions, Poison("")))
    assert titles(sessions) == []


def test_a_mark_of_a_type_that_nobody_builds_keeps_back_nothing_else(sessions: Sessions) -> None:
    add(sessions, "a", "b")
    with sessions.begin() as session:
        session.execute(text("SELECT mark_for_index('dreams', ARRAY[gen_random_uuid()])"))
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=2, refused=1)


@pytest.mark.parametrize("outage", [SearchUnavailableError("no route"), psycopg.OperationalError("closed")])
def test_while_the_engine_is_away_marks_wait_as_they_are(sessions: Sessions, outage: Exception) -> None:
    (asset_id, _) = add(sessions, "a", "b")
    before = mark_of(sessions, asset_id)

    def fail(_: Sequence[Document]) -> None:
        raise outage

    for _ in range(MAX_ISOLATED_TRIES + 1):
        with pytest.raises(type(outage)):
            drain_index_queue(sessions, Remote(sessions, fail), CALM)
        mark = mark_of(sessions, asset_id)
        assert (mark.revision, mark.dirty_since, mark.lease_until, mark.errors) == (
            before.revision,
            before.dirty_since,
            None,
            0,
        )
    assert ask(sessions, MARK_QUEUE.is_waiting)
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=2)


def test_an_outage_counts_no_try_of_a_suspect(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "a")
    with sessions.begin() as session:
        claim_marks(session, 1, 0)

    def fail(_: Sequence[Document]) -> None:
        raise SearchUnavailableError("no route")

    for _ in range(MAX_ISOLATED_TRIES + 2):
        with pytest.raises(SearchUnavailableError):
            drain_index_queue(sessions, Remote(sessions, fail), CALM)
    assert (mark_of(sessions, asset_id).errors, ask(sessions, MARK_QUEUE.count_dead_letters)) == (0, 0)
    assert drain_index_queue(sessions, PostgresEngine(sessions), CALM) == DrainResult(written=1)


def test_what_a_drain_died_on_is_taken_up_one_by_one(sessions: Sessions) -> None:
    add(sessions, "a", "b", "c")
    with sessions.begin() as session:
        assert len(claim_marks(session, 10, 0.05)) == 3
    engine = Remote(sessions, lambda _: None)
    wait_until(lambda: ask(sessions, MARK_QUEUE.is_waiting), what="the leases end")
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=3)
    assert [len(batch) for batch in engine.batches if batch] == [1, 1, 1]
    assert ask(sessions, MARK_QUEUE.count_pending) == 0


def test_what_kills_every_drain_is_parked(sessions: Sessions) -> None:
    (asset_id,) = add(sessions, "deadly")

    def die(_: Sequence[Document]) -> None:
        raise KeyboardInterrupt

    def is_parked() -> bool:
        try:
            drain_index_queue(sessions, Remote(sessions, die), Timing(lease_seconds=0.05))
        except KeyboardInterrupt:
            return False
        return ask(sessions, MARK_QUEUE.count_dead_letters) == 1

    wait_until(is_parked, what="the document is parked")
    assert "drain ended 3 times" in mark_of(sessions, asset_id).error
