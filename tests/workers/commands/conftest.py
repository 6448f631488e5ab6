"""A watched folder for commands that ask a running system."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline import Pipeline, open_pipeline


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The watched folder."""
    root = tmp_path / "rushes"
    root.mkdir()
    return root


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """One storage on `root`, stepped by the test."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        yield pipeline


@pytest.fixture
def running(database_url: str) -> dict[str, str]:
    """The environment in which a command finds the system."""
    return {"TAPELESS_DATABASE_URL": database_url, "TAPELESS_BROKER_URL": "redis://localhost:1/0"}
