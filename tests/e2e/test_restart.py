"""Stopping, restarting on the same data folder, and the messages if it cannot start."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.system import STOP_SECONDS, System, open_system
from tests.files import write
from workers.processes.process import is_process_running

FRAMES = [f"vfx/plate.{number}.exr" for number in range(1001, 1049)]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with open_system(tmp_path) as system:
        yield system


def test_ctrl_c_stops_everything_and_a_restart_finds_what_changed_meanwhile(system: System, tmp_path: Path) -> None:
    folder = tmp_path / "rushes"
    write(folder, "stays.mov", "goes.mov", "renamed.mov", *FRAMES)
    system.start(folder)
    system.wait_until_idle(51)
    before = {asset["title"]: system.ask("show", asset["title"])["id"] for asset in system.assets()}
    family = system.family()
    begun = time.monotonic()
    assert system.stop(signal.SIGINT) == 0
    assert time.monotonic() - begun < STOP_SECONDS
    assert not any(map(is_process_running, family))
    assert "stopped" in system.printed().splitlines()
    assert list((system.data / "run").iterdir()) == []
    assert "nothing runs on the data folder" in system.run("status", code=1)

    (folder / "goes.mov").unlink()
    (folder / "renamed.mov").rename(folder / "found.mov")
    write(folder, "comes.mov", "stays.en.srt")
    system.start()  # folders of earlier starts are watched again
    system.wait_for(lambda status: status.idle and (status.files, status.missing) == (52, 1), "all changes are in")
    assert sorted(asset["title"] for asset in system.assets()) == ["comes", "found", "plate", "stays"]
    after = {title: system.ask("show", title)["id"] for title in ("found", "plate", "stays", "goes")}
    assert after == {
        "found": before["renamed"],
        "plate": before["plate"],
        "stays": before["stays"],
        "goes": before["goes"],
    }
    assert system.ask("search", "renamed")["total"] == 0
    assert system.ask("search", "comes")["total"] == 1
    assert [finding for finding in system.ask("verify") if finding["broken"]] == []
    assert system.stop(signal.SIGTERM) == 0


def test_a_missing_folder_is_told_in_a_sentence_and_nothing_is_left_running(system: System, tmp_path: Path) -> None:
    said = system.run_process("up", str(tmp_path / "not mounted"), code=1)
    assert f'folder "{tmp_path / "not mounted"}": no such folder; make it, or mount what belongs there' in said
    assert "Traceback" not in said
    assert list(system.data.glob("postgres")) == [], "nothing was made for it"


@pytest.mark.parametrize(
    "words", [("status",), ("search", "x"), ("verify",), ("show", "x"), ("explain", "/x"), ("scan",)]
)
def test_a_command_without_a_running_system_says_how_to_start_one(system: System, words: tuple[str, ...]) -> None:
    said = system.run(*words, code=1)
    assert said.startswith("Error: nothing runs on the data folder")
    assert '"tapeless up FOLDER --data' in said
