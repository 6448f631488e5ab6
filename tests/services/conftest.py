"""Sessions on a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.core.sessions import Sessions, make_sessions
from tests.engines import open_engine
from tests.pipeline import Pipeline
from tests.services.transcode_steps import Studio


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


@pytest.fixture
def studio(pipeline: Pipeline, tmp_path: Path) -> Studio:
    """A pipeline with transcodes that run on demand."""
    return Studio(pipeline, tmp_path / "media")
