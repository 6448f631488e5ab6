"""A command goes by the settings that its system was started with, not by those of the shell that runs it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.core.sessions import make_engine, make_sessions
from models.queues.outbox import Mail
from services.catalog.assets.assets import create_empty_asset
from services.core.signing_key import SigningKey
from services.shares.guests import find_share_by_link
from workers.config.connection import (
    SystemConnection,
    announce_system,
    find_public_url,
    find_system_key,
    find_system_settings,
    is_system_key_kept,
)
from workers.config.secret_key import create_secret_key
from workers.config.settings import Settings, SettingsError, make_child_environment
from workers.config.started_settings import STARTED_SETTINGS
from workers.main import main

ASKED_OF_THE_SERVERS = {
    *("data", "database_url", "database_password_file", "database_ca_file", "broker_url", "broker_password_file"),
    *("broker_ca_file", "sentinel_password_file", "search_url", "search_password_file", "search_ca_file"),
    *("search_index", "search_shards", "search_replicas"),
}
"""Announced as the URLs of a connection."""
FOR_PROCESSES_ALONE = {
    *("storage_roots", "flower_url", "trusted_proxies", "trigger_user", "log_format", "metrics_host", "metrics_port"),
    *("traces_url", "oidc_issuer", "oidc_client_id", "oidc_client_secret_file", "oidc_name"),
}
"""No command reads them."""
SYSTEM = SystemConnection("postgresql+psycopg://u@/tapeless", "redis://localhost:1/0")
FIRST, SECOND = ("a key of a test, long enough to sign with " + end for end in "12")
STARTED = {
    "TAPELESS_MEDIA": "/srv/media",
    "TAPELESS_MOUNTS": "/mnt/a=/srv/a",
    "TAPELESS_TRANSCODE_PROFILES": "/srv/profiles.toml",
    "TAPELESS_PUBLIC_URL": "https://tapeless.example.org",
    "TAPELESS_SMTP_URL": "smtp://tapeless@mail",
    "TAPELESS_SMTP_FROM": "tapeless@example.org",
    "TAPELESS_SMTP_PASSWORD_FILE": "/srv/password",
    "TAPELESS_WEBHOOK_NETWORKS": "10.0.5.0/24",
    "TAPELESS_RECYCLE_SECONDS": "60",
}
OTHER = {
    "TAPELESS_MEDIA": "/home/media",
    "TAPELESS_MOUNTS": "/mnt/b=/home/b",
    "TAPELESS_TRANSCODE_PROFILES": "/home/profiles.toml",
    "TAPELESS_PUBLIC_URL": "https://other.example.org",
    "TAPELESS_SMTP_URL": "smtp+plain://other",
    "TAPELESS_SMTP_FROM": "other@example.org",
    "TAPELESS_WEBHOOK_NETWORKS": "192.168.7.9/32",
    "TAPELESS_RECYCLE_SECONDS": "7",
}


@dataclass(frozen=True, slots=True)
class Shell:
    """Starts a system with variables, and then asks it with others."""

    data: Path
    monkeypatch: pytest.MonkeyPatch

    def set(self, variables: dict[str, str]) -> None:
        for name in [name for name in make_child_environment() if name.startswith("TAPELESS_")]:
            self.monkeypatch.delenv(name)
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def start(self, variables: dict[str, str], connection: SystemConnection = SYSTEM) -> Settings:
        self.set(variables)
        create_secret_key(self.data)
        settings = Settings.for_data(self.data)
        announce_system(self.data, connection, "http://127.0.0.1:8780", settings)
        return settings

    def ask(self, variables: dict[str, str]) -> Settings:
        self.set(variables)
        return find_system_settings(self.data)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, monkeypatch)


def values(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in STARTED_SETTINGS}


def test_each_setting_is_of_the_system_or_not_for_commands() -> None:
    keys = {"secret_key", "secret_key_file"}
    groups = (STARTED_SETTINGS, ASKED_OF_THE_SERVERS, FOR_PROCESSES_ALONE, keys)
    assert sorted(name for group in groups for name in group) == sorted(Settings.model_fields)


@pytest.mark.parametrize(("started", "asked"), [(STARTED, {}), (STARTED, OTHER), ({}, {})])
def test_a_command_has_the_settings_that_its_system_was_started_with(
    shell: Shell, started: dict[str, str], asked: dict[str, str]
) -> None:
    of_system = shell.start(started)
    assert values(shell.ask(asked)) == values(of_system)


def test_what_a_system_was_started_without_is_not_taken_from_the_shell_but_the_address_of_links(shell: Shell) -> None:
    of_system = shell.start({})
    asked = shell.ask(OTHER)
    assert values(asked) == values(of_system)
    assert asked.outside.mail_server is None
    assert find_public_url(asked) == "https://other.example.org"
    assert find_public_url(shell.ask({})) == "http://127.0.0.1:8780"


def test_paths_are_those_of_the_folder_in_which_the_system_was_started(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.start({"TAPELESS_MEDIA": "pictures"})
    monkeypatch.chdir("/")
    assert shell.ask({}).media_folder == tmp_path / "pictures"


def test_a_shell_that_names_the_servers_keeps_its_own_settings(shell: Shell) -> None:
    shell.start(STARTED)
    shell.set(OTHER | {"TAPELESS_DATABASE_URL": "postgresql://db/x", "TAPELESS_BROKER_URL": "redis://b/0"})
    assert values(find_system_settings(None)) == values(Settings.read())


def test_the_announcement_holds_no_secret_of_the_environment(shell: Shell) -> None:
    shell.start(STARTED | {"TAPELESS_SECRET_KEY": FIRST})
    announced = json.loads((shell.data / "running.json").read_text())
    assert FIRST not in json.dumps(announced)
    assert announced["settings"].keys() == STARTED_SETTINGS | {"secret_key_file", "key_check"}


@pytest.mark.parametrize(
    ("started", "asked", "found"),
    [
        ("", "", "folder"),
        ("", "variable", "folder"),
        ("file", "", "file"),
        ("file", "variable", "file"),
        ("variable", "variable", "variable"),
        ("variable", "", "refused"),
        ("variable", "file", "refused"),
    ],
)
def test_links_are_signed_with_the_key_of_the_system_or_not_at_all_and_backups_know_which_it_is(
    shell: Shell, started: str, asked: str, found: str
) -> None:
    file = shell.data / "own-key"
    file.write_text(SECOND)
    ways = {"": {}, "file": {"TAPELESS_SECRET_KEY_FILE": str(file)}, "variable": {"TAPELESS_SECRET_KEY": FIRST}}
    shell.start(ways[started])
    settings = shell.ask(ways[asked])
    assert is_system_key_kept(settings) is (started == "")
    keys = {"folder": (shell.data / "secret-key").read_text().strip(), "file": SECOND, "variable": FIRST}
    if found == "refused":
        with pytest.raises(SettingsError, match="TAPELESS_SECRET_KEY that this shell does not have"):
            find_system_key(settings)
    else:
        assert find_system_key(settings) == SigningKey(keys[found].encode())


def run(shell: Shell, *arguments: str) -> str:
    shell.set({})
    return CliRunner().invoke(main, (*arguments, "--data", str(shell.data))).output


def test_a_share_is_mailed_by_the_server_of_the_system_and_its_link_opens(shell: Shell, database_url: str) -> None:
    connection = SystemConnection(database_url, "redis://localhost:1/0")
    shell.start(STARTED, connection)
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        create_empty_asset(session, Asset(title="clip"), Actor("x"))
        session.commit()
        assert run(shell, "share", "clip", "--to", "ann@example.org") == "ann@example.org  is mailed its link\n"
        assert "goes out within seconds" in run(shell, "mail", "test", "bob@example.org")
        assert set(session.scalars(select(Mail.recipient))) == {"ann@example.org", "bob@example.org"}
        url = run(shell, "share", "clip").strip()
        assert url.startswith("https://tapeless.example.org/share/")
        assert is_open(session, shell, url)
        shell.start({}, connection)
        assert "/share/" in run(shell, "share", "clip", "--to", "ann@example.org")
        assert "no mail server is set" in run(shell, "mail", "test", "bob@example.org")
    engine.dispose()


def is_open(session: Session, shell: Shell, url: str) -> bool:
    session.rollback()
    key = SigningKey((shell.data / "secret-key").read_bytes().strip())
    return find_share_by_link(session, key, url.rpartition("/")[2]) is not None
