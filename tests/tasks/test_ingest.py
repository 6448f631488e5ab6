"""The message for the ingest: which tasks it wakes when it has grouped."""

import pytest
from celery import Celery

import tasks.index  # registers its tasks with every app
import tasks.ingest  # noqa: F401
from search.postgres.engine import PostgresEngine
from services.media.jobs import MEDIA_TASKS
from tests.pipeline import Pipeline
from tests.services.ingest.test_claims import publish
from workers.celery.context import ProcessContext


@pytest.fixture
def app(pipeline: Pipeline) -> Celery:
    app = Celery("tests", set_as_current=False)
    engine = pipeline.sessions.kw["bind"]
    search = PostgresEngine(pipeline.sessions)
    app.context = ProcessContext(pipeline.sessions, search, pipeline.timing, pipeline.notify, engine)
    return app


def test_the_last_ingest_has_media_read_and_the_indexer_has_not(pipeline: Pipeline, app: Celery) -> None:
    first, last = publish(pipeline, "a.mov", "day1/b.mov")
    app.tasks["ingest.island"].apply(args=[[first]], throw=True)
    assert pipeline.notified == [("index.drain", ())], "another folder waits to be grouped"
    app.tasks["index.drain"].apply(args=[[]], throw=True)
    assert len(pipeline.notified) == 1
    app.tasks["ingest.island"].apply(args=[[last]], throw=True)
    assert {task for task, _ in pipeline.notified[1:]} == {"index.drain", "metadata.probe"}
    assert "metadata.probe" in MEDIA_TASKS.values()
    told = len(pipeline.notified)
    app.tasks["index.drain"].apply(args=[[]], throw=True)
    app.tasks["ingest.island"].apply(args=[[last]], throw=True)
    assert len(pipeline.notified) == told
