"""A watched folder for commands that ask a running system."""

import pytest


@pytest.fixture
def running(database_url: str) -> dict[str, str]:
    """The environment in which a command finds the system."""
    return {"TAPELESS_DATABASE_URL": database_url, "TAPELESS_BROKER_URL": "redis://localhost:1/0"}
