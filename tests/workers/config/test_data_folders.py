"""Where everything is kept if nobody says so, and how commands find the system that runs."""

import os
from pathlib import Path

import pytest

from workers.config.connection import SystemConnection, announce_system, find_system_settings, withdraw_announcement
from workers.config.data_folders import default_data_folder, note_running_system, noted_data_folders
from workers.config.settings import SettingsError

SYSTEM = SystemConnection("postgresql+psycopg://u:secret@/tapeless", "redis+socket://:secret@/run/valkey.sock")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory, and a state folder, of no other test."""
    for name in [name for name in os.environ if name.startswith("TAPELESS_")]:
        monkeypatch.delenv(name)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return here


def running(data: Path) -> Path:
    data.mkdir(parents=True)
    announce_system(data, SYSTEM)
    return data


@pytest.mark.parametrize(
    ("state", "expected"),
    [("/srv/state", "/srv/state/tapeless"), ("", "/home/ada/.local/state/tapeless"), ("relative", None)],
)
def test_the_default_is_in_the_state_folder(monkeypatch: pytest.MonkeyPatch, state: str, expected: str | None) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_data_folder() == Path(expected or "/home/ada/.local/state/tapeless")


def test_a_local_one_goes_before_the_default(folder: Path) -> None:
    (folder / ".tapeless").mkdir()
    assert default_data_folder() == Path(".tapeless")


def test_commands_find_the_one_that_runs_from_everywhere(tmp_path: Path) -> None:
    data = running(tmp_path / "some where")
    assert find_system_settings(None).data == data
    withdraw_announcement(data)
    assert find_system_settings(None).data == tmp_path / "state" / "tapeless"


def test_of_several_none_is_guessed(tmp_path: Path) -> None:
    first, second = running(tmp_path / "a"), running(tmp_path / "b")
    with pytest.raises(SettingsError, match="several systems run, on the data folders") as raised:
        find_system_settings(None)
    assert str(first) in str(raised.value)
    assert find_system_settings(second).data == second
    default = running(tmp_path / "state" / "tapeless")
    assert find_system_settings(None).data == default


def test_a_note_of_a_system_that_was_killed_is_passed_over(tmp_path: Path) -> None:
    note_running_system(tmp_path / "killed")
    data = running(tmp_path / "alive")
    assert tmp_path / "killed" in noted_data_folders()
    assert find_system_settings(None).data == data


def test_a_home_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    data = running(tmp_path / "data")
    withdraw_announcement(data)
