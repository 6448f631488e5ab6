"""`tapeless up` refuses what cannot work before it makes anything, and says what opens where."""

import io
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from workers.commands.server.up import check_folders, describe_data_folder, print_password, up
from workers.config.settings import Settings, SettingsError
from workers.local_stack import is_loopback, make_url


def test_a_mistyped_folder_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    said = CliRunner().invoke(up, [str(tmp_path / "rushs"), "--data", str(tmp_path / "data")])
    assert said.exit_code == 1
    assert "no such folder" in said.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [".", "data", "deep/er/data"])
def test_a_new_data_folder_is_never_in_a_watched_one(tmp_path: Path, data: str) -> None:
    with pytest.raises(SettingsError, match="is in the watched folder"):
        check_folders([tmp_path], tmp_path / data)
    (tmp_path / data / "postgres").mkdir(parents=True)
    check_folders([tmp_path], tmp_path / data)


def test_a_data_folder_beside_or_around_is_fine(tmp_path: Path) -> None:
    (tmp_path / "rushes").mkdir()
    for data in (tmp_path / "data", tmp_path / "rushes2", tmp_path):
        check_folders([tmp_path / "rushes"], data)


def test_the_first_line_says_why_a_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAPELESS_DATA", raising=False)
    assert describe_data_folder(Settings.for_data(None)).startswith("data folder /")
    (tmp_path / ".tapeless").mkdir()
    local = f"data folder {tmp_path}/.tapeless"
    assert describe_data_folder(Settings.for_data(None)).startswith(f"{local}, which is in this folder")
    assert describe_data_folder(Settings.for_data(Path(".tapeless"))) == local


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_password_is_shown_to_a_terminal_only(tmp_path: Path, is_terminal: bool) -> None:
    file, said = tmp_path / "password", io.StringIO()
    print_password("ada@example.org", "sesame", file, Console(file=said, force_terminal=is_terminal, width=500))
    assert ("sesame" in said.getvalue()) is is_terminal
    assert file.exists() is not is_terminal
    if not is_terminal:
        assert str(file) in said.getvalue()
        assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("sesame\n", 0o600)


@pytest.mark.parametrize(
    ("host", "url", "is_local"),
    [
        ("127.0.0.1", "http://127.0.0.1:8780", True),
        ("::1", "http://[::1]:8780", True),
        ("192.168.7.9", "http://192.168.7.9:8780", False),
    ],
)
def test_addresses_say_whether_they_open_here_only(host: str, url: str, is_local: bool) -> None:
    assert (make_url(host, 8780), is_loopback(host)) == (url, is_local)
    assert not is_loopback(make_url("0.0.0.0", 8780).split("/")[2].split(":")[0])
