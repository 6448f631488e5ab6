"""`tapeless reindex` marks single assets, or creates the job that rebuilds the index."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from models.core.sessions import Sessions, make_engine, make_sessions
from models.core.timing import Timing
from models.queues.job import Job
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from tests.search.rows import add_clip
from workers.commands.server.reindex import reindex


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        add_clip(session, "plate")
        add_clip(session, "harbour")
    drain_index_queue(sessions, PostgresEngine(sessions), Timing())
    yield sessions
    engine.dispose()


@pytest.fixture
def run(database_url: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("TAPELESS_DATABASE_URL", database_url)
    monkeypatch.setenv("TAPELESS_BROKER_URL", valkey_url)

    def call(*words: str) -> Result:
        return CliRunner().invoke(reindex, list(words))

    return call


def test_named_assets_are_written_anew(sessions: Sessions, run) -> None:  # type: ignore[no-untyped-def]
    assert run("plate").output == "1 document marked; the index worker writes them within seconds\n"
    assert drain_index_queue(sessions, PostgresEngine(sessions), Timing()).written == 1
    assert run("nothing").exit_code == 1


def test_everything_is_a_job(sessions: Sessions, run) -> None:  # type: ignore[no-untyped-def]
    done = run("--all", "--rate", "50")
    with sessions() as session:
        (job,) = session.scalars(select(Job)).all()
    assert done.output == f"job {job.id}: Rebuild the search index, 2 documents\n"
    assert (job.type, job.arguments) == ("REINDEX", {"rate": 50})


@pytest.mark.parametrize("words", [[], ["--all", "plate"]])
def test_one_of_both_has_to_be_said(words: list[str], run) -> None:  # type: ignore[no-untyped-def]
    assert "give ASSETs or --all" in run(*words).output
