"""Settings are read once from the environment, reject unknown names, and lead to a running system."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from models.core.timing import Timing
from workers.config import deprecations
from workers.config.connection import (
    SystemConnection,
    announce_system,
    find_running_supervisor,
    find_system_connection,
    withdraw_announcement,
)
from workers.config.data_folders import default_data_folder
from workers.config.deprecations import DEPRECATED_SETTINGS, REMOVED_IN
from workers.config.settings import Settings, SettingsError, make_child_environment
from workers.processes.process import identify_process, write_process_record

ROOT = Path(__file__).parents[3]
SYSTEM = SystemConnection("postgresql+psycopg://u:secret@/tapeless", "redis+socket://:secret@/run/valkey.sock")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TAPELESS_")]:
        monkeypatch.delenv(name)
    deprecations.warn_once.cache_clear()
    monkeypatch.chdir(tmp_path)


def test_without_an_environment_everything_is_embedded_in_the_default_folder() -> None:
    settings = Settings.read()
    assert settings.data == default_data_folder()
    assert (settings.database_url, settings.broker_url, settings.search_url) == (None, None, None)
    assert settings.storage_roots == ()
    assert settings.timing == Timing()


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_DATA", "/srv/tapeless")
    monkeypatch.setenv("TAPELESS_SEARCH_URL", "http://search:9200")
    monkeypatch.setenv("TAPELESS_STORAGE_ROOTS", "/mnt/a:/mnt/b:")
    monkeypatch.setenv("TAPELESS_DEBOUNCE_SECONDS", "0.05")
    monkeypatch.setenv("TAPELESS_BROKER_URL", "")
    settings = Settings.read()
    assert settings.broker_url is None
    assert settings.data == Path("/srv/tapeless")
    assert settings.search_url == "http://search:9200"
    assert settings.storage_roots == (Path("/mnt/a"), Path("/mnt/b"))
    assert settings.timing == Timing(debounce_seconds=0.05)


@pytest.mark.parametrize("field", list(Timing.__slots__))
def test_every_time_constant_has_a_name_in_the_environment(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TAPELESS_{field.upper()}", "0.25")
    assert getattr(Settings.read().timing, field) == 0.25


@pytest.mark.parametrize(("old", "new"), list(DEPRECATED_SETTINGS.items()))
def test_an_old_name_works_with_one_warning_that_names_the_new_one(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(old, "0.25")
    for _ in range(2):
        assert getattr(Settings.read().timing, new.removeprefix("TAPELESS_").lower()) == 0.25
    assert caplog.messages == [f"{old} is now {new}; the old name works until {REMOVED_IN}"]


def test_if_a_setting_has_both_names_the_new_one_wins_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TAPELESS_RING_SECONDS", "7")
    monkeypatch.setenv("TAPELESS_POLL_SECONDS", "3")
    assert Settings.read().timing.poll_seconds == 3
    assert caplog.messages == [
        "TAPELESS_RING_SECONDS is ignored, because TAPELESS_POLL_SECONDS, its new name, is set too"
    ]


def test_an_empty_old_name_is_not_set(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("TAPELESS_RING_SECONDS", "")
    assert Settings.read().timing == Timing()
    assert caplog.messages == []


def test_the_warning_is_one_line_on_standard_error() -> None:
    program = "from workers.config.settings import Settings; Settings.read(); Settings.read()"
    environment = make_child_environment(TAPELESS_RING_SECONDS="7")
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert (ran.stdout, len(ran.stderr.splitlines())) == ("", 1)
    assert "TAPELESS_POLL_SECONDS" in ran.stderr


def test_an_unknown_name_is_refused_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_DATABSE_URL", "x")
    with pytest.raises(SettingsError, match=r"TAPELESS_DATABSE_URL is not .* did you mean TAPELESS_DATABASE_URL"):
        Settings.read()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("soon", "TAPELESS_LEASE_SECONDS: .*valid number"),
        ("-1", "TAPELESS_LEASE_SECONDS is -1; a time is not negative"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_LEASE_SECONDS", value)
    with pytest.raises(SettingsError, match=message):
        Settings.read()


def test_a_folder_on_the_command_line_goes_before_the_one_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_DATA", "/srv/tapeless")
    assert Settings.for_data(Path("/other")).data == Path("/other")
    assert Settings.for_data(None).data == Path("/srv/tapeless")


def test_what_up_announced_is_found_by_its_folder_and_for_its_owner_alone(tmp_path: Path) -> None:
    announce_system(tmp_path, SYSTEM)
    assert find_system_connection(Settings.for_data(tmp_path)) == SYSTEM
    assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600
    assert find_running_supervisor(tmp_path) == identify_process(os.getpid())
    withdraw_announcement(tmp_path)
    with pytest.raises(SettingsError):
        find_system_connection(Settings.for_data(tmp_path))


def test_a_folder_on_which_nothing_runs_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=f'nothing runs on the data folder "{tmp_path}": start it with "tapeless up'
    ):
        find_system_connection(Settings.for_data(tmp_path))


def test_the_announcement_of_a_process_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    killed = identify_process(sleeper.pid)
    assert killed is not None
    write_process_record(tmp_path / "running.json", killed, database_url="x", broker_url="y", search_url=None)
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(SettingsError, match="nothing runs"):
        find_system_connection(Settings.for_data(tmp_path))


def test_without_a_folder_the_addresses_of_the_environment_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_DATABASE_URL", SYSTEM.database_url)
    with pytest.raises(SettingsError, match="TAPELESS_BROKER_URL is not"):
        find_system_connection(Settings.read())
    monkeypatch.setenv("TAPELESS_BROKER_URL", SYSTEM.broker_url)
    assert find_system_connection(Settings.read()) == SYSTEM


def test_a_named_folder_goes_before_the_addresses_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAPELESS_DATABASE_URL", "postgresql+psycopg://elsewhere/x")
    with pytest.raises(SettingsError, match="TAPELESS_DATABASE_URL is not looked at"):
        find_system_connection(Settings.for_data(tmp_path))
    announce_system(tmp_path, SYSTEM)
    assert find_system_connection(Settings.for_data(tmp_path)) == SYSTEM


def test_passwords_may_stand_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database").write_text("a/b@c\n")
    (tmp_path / "broker").write_text("letmein")
    monkeypatch.setenv("TAPELESS_DATABASE_URL", "postgresql://ada@db:5433/tapeless")
    monkeypatch.setenv("TAPELESS_DATABASE_PASSWORD_FILE", str(tmp_path / "database"))
    monkeypatch.setenv("TAPELESS_BROKER_URL", "redis://broker:6379/0")
    monkeypatch.setenv("TAPELESS_BROKER_PASSWORD_FILE", str(tmp_path / "broker"))
    found = find_system_connection(Settings.read())
    assert found.database_url == "postgresql+psycopg://ada:a%2Fb%40c@db:5433/tapeless"
    assert found.broker_url == "redis://:letmein@broker:6379/0"


@pytest.mark.parametrize(
    ("url", "content", "message"),
    [
        ("redis://:x@broker", "y", "TAPELESS_BROKER_URL holds a password, and TAPELESS_BROKER_PASSWORD_FILE is set"),
        ("redis://broker", "\n", "TAPELESS_BROKER_PASSWORD_FILE .* is empty"),
        ("redis://broker", None, "TAPELESS_BROKER_PASSWORD_FILE .* cannot be read"),
    ],
)
def test_a_password_file_that_cannot_be_right_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    monkeypatch.setenv("TAPELESS_DATABASE_URL", SYSTEM.database_url)
    monkeypatch.setenv("TAPELESS_BROKER_URL", url)
    monkeypatch.setenv("TAPELESS_BROKER_PASSWORD_FILE", str(tmp_path / "secret"))
    with pytest.raises(SettingsError, match=message):
        find_system_connection(Settings.read())


def test_mounts_of_a_machine_are_read_as_pairs_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_MOUNTS", "/mnt/a=/Volumes/a/:/mnt/b=/srv/b")
    assert Settings.read().places == {b"/mnt/a": b"/Volumes/a", b"/mnt/b": b"/srv/b"}
    monkeypatch.setenv("TAPELESS_MOUNTS", "Rushes=/Volumes/a")
    with pytest.raises(SettingsError, match='TAPELESS_MOUNTS "Rushes=/Volumes/a": write /ROOT'):
        Settings.read()


def test_no_password_shows_where_a_connection_is_printed() -> None:
    assert "secret" not in repr(SYSTEM)


def test_a_child_gets_our_environment_and_what_it_has_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REEL", "7")
    environment = make_child_environment(TAPELESS_DATA="/srv")
    assert (environment["REEL"], environment["TAPELESS_DATA"]) == ("7", "/srv")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TAPELESS_SMTP_URL": "smtp://mail"}, "TAPELESS_SMTP_FROM"),
        ({"TAPELESS_SMTP_URL": "mail:25", "TAPELESS_SMTP_FROM": "a@b.org"}, "not the address of a mail server"),
        ({"TAPELESS_SMTP_URL": "smtp://a:s3cret@mail", "TAPELESS_SMTP_FROM": "a@b.org"}, "PASSWORD_FILE"),
        ({"TAPELESS_PUBLIC_URL": "tapeless.example.org"}, "TAPELESS_PUBLIC_URL"),
        ({"TAPELESS_WEBHOOK_NETWORKS": "10.0.0.1/8"}, "TAPELESS_WEBHOOK_NETWORKS"),
    ],
)
def test_what_lies_outside_is_checked_at_the_start(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as refused:
        Settings.read()
    assert "s3cret" not in str(refused.value)


def test_what_lies_outside_is_read_into_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_SMTP_URL", "smtp+plain://mail")
    monkeypatch.setenv("TAPELESS_SMTP_FROM", "Tapeless <tapeless@example.org>")
    monkeypatch.setenv("TAPELESS_PUBLIC_URL", "https://tapeless.example.org/")
    monkeypatch.setenv("TAPELESS_WEBHOOK_NETWORKS", "10.0.5.0/24, 192.168.7.9")
    outside = Settings.read().outside
    assert outside.mail_server is not None
    assert (outside.mail_server.host, outside.mail_server.port) == ("mail", 25)
    assert outside.public_url == "https://tapeless.example.org"
    assert [str(network) for network in outside.webhook_networks] == ["10.0.5.0/24", "192.168.7.9/32"]
