"""The search engine is chosen by an address, and its password never appears in any output."""

import os
from pathlib import Path

import pytest

from search.opensearch.engine import OpenSearchEngine
from search.postgres.engine import PostgresEngine
from workers.celery.context import make_search_engine
from workers.config.connection import SystemConnection, announce_system, find_system_connection
from workers.config.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TAPELESS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TAPELESS_DATABASE_URL", "postgresql://db/tapeless")
    monkeypatch.setenv("TAPELESS_BROKER_URL", "redis://broker/0")
    monkeypatch.chdir(tmp_path)


def test_without_an_address_the_database_answers() -> None:
    found = find_system_connection(Settings.read())
    assert found.search_url is None
    assert isinstance(make_search_engine(found, None), PostgresEngine)  # type: ignore[arg-type]


def test_an_address_chooses_opensearch_with_password_and_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("p@ss word\n")
    monkeypatch.setenv("TAPELESS_SEARCH_URL", "https://ann@search:9200")
    monkeypatch.setenv("TAPELESS_SEARCH_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("TAPELESS_SEARCH_INDEX", "other")
    found = find_system_connection(Settings.read())
    assert (found.search_url, found.search_index) == ("https://ann:p%40ss%20word@search:9200", "other")
    engine = make_search_engine(found, None)  # type: ignore[arg-type]
    assert isinstance(engine, OpenSearchEngine)
    assert engine.indexes.alias == "other"
    assert "p%40ss" not in repr(found)
    engine.close()


def test_the_commands_find_the_engine_of_a_running_system_by_its_folder(tmp_path: Path) -> None:
    system = SystemConnection("postgresql://x/y", "redis://z/0", "http://search:9200", "mine", "/etc/ca.pem")
    announce_system(tmp_path, system)
    assert find_system_connection(Settings.for_data(tmp_path)) == system


def test_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_SEARCH_URL", "http://one:9200")
    assert Settings.read().with_search_url("http://two:9200").search["search_url"] == "http://two:9200"
    assert Settings.read().with_search_url(None).search["search_url"] == "http://one:9200"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAPELESS_SEARCH_URL", "search:9200"),
        ("TAPELESS_SEARCH_URL", "http://search:9200/path"),
        ("TAPELESS_SEARCH_INDEX", "Tapeless"),
        ("TAPELESS_SEARCH_INDEX", "a,b"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        Settings.read()
