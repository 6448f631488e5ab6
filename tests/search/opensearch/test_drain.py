"""Draining into OpenSearch: it creates its index automatically, and repairs external changes to it."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from celery import Celery
from sqlalchemy import delete, select, text, update

import tasks.index  # noqa: F401 - registers its tasks with every app
from models.catalog.asset import Asset
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_build import IndexBuild
from models.queues.index_mark import IndexMark
from models.queues.index_queue import MARK_QUEUE
from search.document import Document
from search.engine import IndexMissingError, SearchUnavailableError
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from services.indexing import drain
from services.indexing.audit import audit_index_pages, purge_tombstones, repair_index_page
from services.indexing.drain import DrainResult, drain_index_queue
from services.indexing.indexes import reconcile_indexes
from tests.search.opensearch.asking import CALM, add, ask, differences, states, titles


def test_the_first_drain_makes_the_index_and_everything_is_found(sessions: Sessions, engine: OpenSearchEngine) -> None:
    add(sessions, "a", "b")
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=2)
    assert titles(engine) == ["a", "b"]
    assert states(sessions) == ["LIVE"]
    assert (ask(sessions, MARK_QUEUE.count_pending), differences(sessions, engine)) == (0, [])


@pytest.mark.parametrize("is_removed", [False, True], ids=["first", "removed"])
def test_an_index_is_searched_before_a_drain_can_write_to_it(
    sessions: Sessions, engine: OpenSearchEngine, monkeypatch: pytest.MonkeyPatch, is_removed: bool
) -> None:
    add(sessions, "a")
    if is_removed:
        drain_index_queue(sessions, engine, CALM)
        engine.indexes.drop(*engine.indexes.live())
        add(sessions, "b")

    def die(name: str) -> None:
        raise SearchUnavailableError(f"killed before {name} is the only one")

    with monkeypatch.context() as patch:
        patch.setattr(engine.indexes, "point_to", die)
        with suppress(SearchUnavailableError):
            drain_index_queue(sessions, engine, CALM)
        drain_index_queue(sessions, engine, CALM)
    assert (ask(sessions, MARK_QUEUE.count_pending), titles(engine)) == (0, ["a", "b"] if is_removed else ["a"])


def test_a_system_that_searched_elsewhere_before_is_sent_whole(sessions: Sessions, engine: OpenSearchEngine) -> None:
    add(sessions, "a", "b")
    with sessions.begin() as session:
        session.execute(update(IndexMark).values(dirty_since=None))
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=2)
    assert titles(engine) == ["a", "b"]


def test_a_stale_write_after_a_delete_does_not_bring_the_asset_back(
    sessions: Sessions, engine: OpenSearchEngine
) -> None:
    (asset_id,) = add(sessions, "gone")
    drain_index_queue(sessions, engine, CALM)
    (before,) = engine.revisions("assets")
    transact(sessions, lambda session: session.execute(delete(Asset)))
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=1)
    (outcome,) = engine.write([Document("assets", asset_id, before.revision, title="gone")])
    assert outcome.result == "stale"
    assert titles(engine) == []


def test_an_index_that_somebody_removed_is_made_anew_with_its_own_mapping(
    sessions: Sessions, engine: OpenSearchEngine
) -> None:
    add(sessions, "a", "b")
    drain_index_queue(sessions, engine, CALM)
    (name,) = engine.indexes.live()
    engine.indexes.drop(name)
    add(sessions, "c")
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=3)
    assert engine.indexes.live() == [name]
    assert titles(engine, query="b") == ["b"]


def test_indexes_of_others_are_left_alone(
    sessions: Sessions, engine: OpenSearchEngine, opensearch_url: str, alias: str
) -> None:
    other = OpenSearchEngine(ClusterConfig(opensearch_url, f"{alias}-two"))
    theirs, unknown = other.indexes.new_name(), f"{alias}-{uuid.UUID(int=1).hex}"
    other.indexes.create(theirs)
    engine.indexes.create(unknown)
    add(sessions, "a")
    drain_index_queue(sessions, engine, CALM)
    reconcile_indexes(sessions, engine)
    assert other.indexes.names() == [theirs]
    assert unknown in engine.indexes.names()
    assert theirs not in engine.indexes.names()
    other.indexes.drop(theirs)
    other.close()


def test_an_alias_that_points_at_nothing_is_an_outage_until_the_next_look(
    sessions: Sessions, engine: OpenSearchEngine
) -> None:
    add(sessions, "a")
    drain_index_queue(sessions, engine, CALM)
    (name,) = engine.indexes.live()
    engine.client.ask("DELETE", f"/{name}/_alias/{engine.indexes.alias}")
    with pytest.raises(IndexMissingError, match="no such index"):
        titles(engine)
    with pytest.raises(SearchUnavailableError):
        engine.check(look=True)
    reconcile_indexes(sessions, engine)
    assert titles(engine) == ["a"]


def test_drift_is_found_and_mended_by_the_next_drain(sessions: Sessions, engine: OpenSearchEngine) -> None:
    stranger = uuid.UUID(int=7)
    lost, older, newer, _ = add(sessions, "lost", "older", "newer", "right")
    drain_index_queue(sessions, engine, CALM)
    path = f"/{engine.indexes.alias}/_doc/assets:"
    engine.client.ask("DELETE", f"{path}{lost}")
    with sessions.begin() as session:
        session.execute(
            text("UPDATE index_mark SET revision = nextval('index_revision') WHERE object_id = :id"), {"id": older}
        )
    engine.write([Document("assets", newer, 10**6, title="from a backup")])
    engine.write([Document("assets", stranger, 3, title="nobody's")])
    assert {key.object_id for key in differences(sessions, engine)} == {lost, older, newer, stranger}
    mended = sum(repair_index_page(sessions, engine, page) for page in audit_index_pages(sessions, engine))
    assert mended == 4
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=4)
    assert titles(engine) == ["lost", "newer", "older", "right"]
    assert differences(sessions, engine) == []


def test_tombstones_are_forgotten_once_nothing_late_can_come(sessions: Sessions, engine: OpenSearchEngine) -> None:
    gone, here = add(sessions, "gone", "here")
    drain_index_queue(sessions, engine, CALM)
    transact(sessions, lambda session: session.execute(delete(Asset).where(Asset.id == gone)))
    drain_index_queue(sessions, engine, CALM)
    assert purge_tombstones(sessions, engine) == 0
    assert purge_tombstones(sessions, engine, retention_seconds=0) == 1
    assert [stored.deleted for stored in engine.revisions("assets")] == [False]
    assert ask(sessions, lambda session: session.scalars(select(IndexMark.object_id)).all()) == [here]
    assert differences(sessions, engine) == []


def test_a_process_of_an_older_version_leaves_a_newer_index_alone(sessions: Sessions, engine: OpenSearchEngine) -> None:
    add(sessions, "a")
    drain_index_queue(sessions, engine, CALM)
    with sessions.begin() as session:
        session.execute(update(IndexBuild).values(version=IndexBuild.version + 1))
        session.execute(update(Asset).values(title="b"))
    with pytest.raises(SearchUnavailableError, match="newer version"):
        drain_index_queue(sessions, engine, CALM)
    assert ask(sessions, MARK_QUEUE.count_pending) == 1


@dataclass
class Context:
    """What the worker hands to a task."""

    sessions: Sessions
    engine: OpenSearchEngine
    timing: Timing = CALM
    notified: list[tuple[str, list[int]]] = field(default_factory=list)

    def notify(self, task: str, ids: Sequence[int]) -> None:
        self.notified.append((task, list(ids)))


def test_a_long_queue_is_shared_with_one_more_process_and_no_further(
    sessions: Sessions, engine: OpenSearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("tests", set_as_current=False)
    app.context = Context(sessions, engine)
    task = app.tasks["index.drain"]
    monkeypatch.setattr(drain, "MIN_SHARED_DRAIN_DOCUMENTS", 2)
    add(sessions, "a", "b")
    task.apply(args=[[]], throw=True)
    assert app.context.notified == []
    add(sessions, "c", "d", "e")
    task.apply(args=[[]], throw=True)
    ((name, beside),) = app.context.notified
    assert name == "index.drain"
    add(sessions, "f", "g", "h")
    task.apply(args=[beside], throw=True)
    assert len(app.context.notified) == 1
    assert titles(engine) == list("abcdefgh")
