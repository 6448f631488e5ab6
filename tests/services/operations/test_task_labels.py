"""What Flower shows of a message names its jobs and folders, and says what a task without ids does."""

from pathlib import Path

import pytest
from sqlalchemy import select

from models.core.base import new_id
from models.queues.island import Island
from models.queues.job import Job
from services.operations.task_labels import MAX_LABEL_CHARACTERS, label_message
from tests.files import write
from tests.pipeline import Pipeline


@pytest.mark.parametrize(
    ("titles", "label"),
    [
        ([], "storage.unknown"),
        (['Transcode "C0001" to web'], 'Transcode "C0001" to web'),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        (["\udcff"], "\\xff"),
        (["a" * 1000], "a" * (MAX_LABEL_CHARACTERS - 1) + "…"),
    ],
)
def test_jobs_are_shown_by_their_titles(pipeline: Pipeline, titles: list[str], label: str) -> None:
    ids = [new_id() for _ in titles]
    with pipeline.sessions.begin() as session:
        stored = [title.encode("utf-8", "backslashreplace").decode().replace("\\udcff", "\\xff") for title in titles]
        session.add_all(Job(id=key, type="CUSTOM", title=title) for key, title in zip(ids, stored, strict=True))
    with pipeline.sessions() as session:
        assert label_message(session, "storage.unknown", ids) == label
        assert label_message(session, "storage.unknown", [str(key) for key in ids]) == label


def test_islands_are_shown_by_their_folders(pipeline: Pipeline, root: Path) -> None:
    write(root, "day 1/A/one.mov", "day 2/B/two.mov")
    pipeline.settle()
    with pipeline.sessions() as session:
        ids = session.scalars(select(Island.id).where(Island.seen > 0).order_by(Island.id)).all()
        label = label_message(session, "ingest.island", ids)
        assert label_message(session, "ingest.island", [999_999]) == "ingest"
    assert label.startswith(f"ingest {len(ids)} folders of Rushes: " if len(ids) > 1 else "ingest 1 folder of Rushes: ")
