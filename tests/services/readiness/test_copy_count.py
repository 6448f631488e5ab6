"""Copies by content, under any name: how many storages have an asset whole, and what it is a duplicate of."""

from pathlib import Path

from sqlalchemy import text

from models.core.sessions import transact
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from services.readiness.copy_count import count_copies
from services.readiness.fixity import FIXITY_JOBS, create_fixity_jobs
from tests.pipeline import SETTINGS, Pipeline
from tests.search.asking import ask, one_term
from tests.services.media_clips import bytes_of
from tests.services.readiness.test_fixity import flip


def titles(pipeline: Pipeline, **term: object) -> list[str]:
    """Titles that a search for one term finds, once everything is indexed."""
    engine = PostgresEngine(pipeline.sessions)
    drain_index_queue(pipeline.sessions, engine, pipeline.timing)
    found = {hit.object_id for hit in ask(engine, filter=one_term(**term)).hits}  # type: ignore[arg-type]
    return sorted(title for title, asset_id in pipeline.ids().items() if asset_id in found)


def prove(pipeline: Pipeline) -> None:
    """Read everything whole again, on every storage."""
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE storage SET settings = settings || '{\"fixity_days\": 30}'"))
        session.execute(text("UPDATE file_digest SET date_found = date_found - interval '40 days'"))
    jobs = transact(pipeline.sessions, lambda session: [job.id for job in create_fixity_jobs(session)])
    FIXITY_JOBS.run(pipeline.sessions, jobs, pipeline.timing)


def test_what_has_only_one_copy_is_a_search(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    archive = Pipeline(tmp_path / "archive", pipeline.sessions)
    archive.root.mkdir()
    archive.add_storage("Archive", **SETTINGS)
    clip, other = bytes_of("mp4"), bytes_of("mov")
    for path, content in {root / "one.mp4": clip, root / "two.mov": other, archive.root / "safe.mp4": clip}.items():
        path.write_bytes(content)
        (pipeline if path.parent == root else archive).settle()
    few = {"name": "verified_copies", "range": {"max": 1}}
    assert titles(pipeline, **few) == ["one", "safe", "two"]  # nothing was read whole yet
    prove(pipeline)
    assert titles(pipeline, **few) == ["two"]
    assert titles(pipeline, name="verified_copies", value="2") == ["one", "safe"]
    assert titles(pipeline, name="duplicate_of", value=str(pipeline.ids()["one"])) == ["safe"]
    engine = PostgresEngine(pipeline.sessions)
    assert ask(engine, facets=["verified_copies"]).facets["verified_copies"] == [(2, 2), (1, 1)]

    flip(root / "one.mp4")
    pipeline.settle()
    prove(pipeline)
    assert titles(pipeline, **few) == ["one", "safe", "two"]
    assert titles(pipeline, name="verified_copies", value="1") == ["one", "safe", "two"]
    assert titles(pipeline, name="duplicate_of", exists=True) == ["safe"]  # it was one, and is the good one now

    (root / "two.mov").unlink()
    (archive.root / "safe.mp4").write_bytes(other)
    pipeline.settle()
    archive.settle()
    transact(pipeline.sessions, count_copies)
    assert titles(pipeline, name="verified_copies", value="0") == ["one", "safe", "two"]
    for each in (pipeline, archive):
        if each.watcher is not None:
            each.watcher.close()
