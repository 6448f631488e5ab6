"""Completion by the shell names what is in the running system."""

import click
import pytest
from sqlalchemy import func

from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import make_sessions
from tests.engines import open_engine
from workers.commands.completion import complete_storages


def test_removed_storages_are_not_completed(
    running: dict[str, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in running.items():
        monkeypatch.setenv(name, value)
    with open_engine(database_url) as engine, make_sessions(engine).begin() as session:
        session.add(Storage(id=new_id(), name="Rushes", root=b"/a"))
        session.add(Storage(id=new_id(), name="Rushes (removed)", root=b"/b", removed_at=func.now()))
    context = click.Context(click.Command("scan"))
    found = complete_storages(context, click.Argument(["name"]), "Ru")
    assert [each.value for each in found] == ["Rushes"]
