"""Long-term operation: one system on a path with blanks is checked, asked, added to, and restored from one backup file
into another folder."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from models.catalog.asset import Keyframe
from tests.e2e.system import System, open_system
from tests.files import write
from tests.services.media_clips import put
from tests.waiting import wait_until
from workers.backup_schedule import list_backups
from workers.config.connection import find_public_url
from workers.config.settings import Settings

HEAVY = ("sqlalchemy", "psycopg", "pydantic", "rich", "celery")
LISTINGS = (
    *("status", "search a", "jobs list", "storage list", "user list", "usergroup list", "token list", "share list"),
    *("webhook list", "audit"),
)
AN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NEW_PASSWORD = "another one, not lost"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("all of it is kept here")
    write(folder / "card", "a.mov", "b.wav")
    put(folder / "card", "still.png")
    (folder / "every day").mkdir()
    (folder / "every day").chmod(0o777)  # a root gives its processes to another user
    return folder


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[System]:
    with open_system(folder) as system:
        system.start(folder / "card", "--flower-port", "0", "--backup-to", folder / "every day")
        system.wait_until_idle(files=3)
        yield system


def grades(system: System, code: int = 0) -> dict[str, str]:
    return {check["name"]: check["grade"] for check in system.ask("doctor", code=code)}


def test_a_doctor_finds_a_new_system_well(system: System) -> None:
    found = grades(system)
    assert {name for name, grade in found.items() if grade == "broken"} == set()
    assert {"database", "clock", "broker persistence", "workers", "search", 'storage "card"', "disk"} <= found.keys()


def test_a_doctor_says_what_to_do_about_a_mount_that_is_gone(system: System, folder: Path) -> None:
    (folder / "card").rename(folder / "elsewhere")
    try:
        told = system.run("doctor", code=1)
    finally:
        (folder / "elsewhere").rename(folder / "card")
    assert "card is not there or not readable" in told
    assert "mount it" in told


def log_in(system: System, password: str) -> int:
    """Sign in as the first administrator; return the status of the answer."""
    url = find_public_url(Settings.for_data(system.data))
    said = {"email": "admin@localhost", "password": password}
    return httpx.post(f"{url}/API/auth/v1/auth/simple/login/", json=said, timeout=20).status_code


def test_a_lost_password_is_reset(system: System) -> None:
    file = system.data / "administrator-password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text().strip()
    assert first not in system.printed()
    assert f"is in {file}" in system.printed()
    assert log_in(system, first) == 201
    system.run_process("user", "passwd", "admin@localhost", typed=f"{NEW_PASSWORD}\n")
    assert (log_in(system, first), log_in(system, NEW_PASSWORD)) == (401, 201)


def test_a_second_up_adds_its_folder_to_the_system_that_runs(system: System, folder: Path) -> None:
    (folder / "second card").mkdir()
    said = system.run_process("up", str(folder / "second card"))
    assert said.splitlines()[-1].endswith('as "second card"')
    assert "the running system now watches" in said


@pytest.mark.parametrize("words", LISTINGS)
def test_listings_keep_ids_at_80_columns_and_load_nothing_heavy(system: System, words: str) -> None:
    given = [*words.split(), "--data", str(system.data)]
    env = system.environment() | {"COLUMNS": "80", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    asked = [sys.executable, "-X", "importtime", "-m", "workers.main", *given]
    done = subprocess.run(asked, capture_output=True, text=True, env=env, timeout=60, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "workers.processes.command_client" in loaded
    assert not loaded & set(HEAVY)
    ids = set(AN_ID.findall(json.dumps(system.ask(*words.split()))))
    shown = set(AN_ID.findall(done.stdout))
    assert shown <= ids
    if words in ("search a", "user list"):
        assert shown, done.stdout
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}[^-0-9a-f]", done.stdout), done.stdout


def test_a_system_comes_back_elsewhere_with_its_previews(system: System, folder: Path) -> None:
    before = {hit["id"] for hit in system.ask("search", "a")["hits"]}
    taken = wait_until(lambda: list_backups(folder / "every day"), what="the scheduled backup is written")
    assert [oct(file.stat().st_mode & 0o077) for file in taken] == ["0o0"]
    file = folder / "on a monday.tar"
    system.run_process("backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    again = folder / "once again"
    again.mkdir()
    with open_system(again) as restored:
        restored.run_process("restore", str(file))
        restored.start("--flower-port", "0")
        write(folder / "card", "c.mov")
        restored.wait_until_idle(files=4)
        assert {hit["id"] for hit in restored.ask("search", "a")["hits"]} == before
        wait_until(lambda: has_previews(restored), what="its previews are made again", seconds=60)
        restored.wait_until_idle(files=4)
        assert [finding["name"] for finding in restored.ask("verify") if finding["broken"]] == []
    assert (again / "data" / "secret-key").read_text() == (system.data / "secret-key").read_text()


def has_previews(system: System) -> bool:
    """Whether the pictures of all rows are files of this data folder."""
    with system.session() as session:
        paths = session.scalars(select(Keyframe.path)).all()
    return bool(paths) and all((system.data / "media" / path).is_file() for path in paths)


def test_a_backup_never_goes_over_a_system(system: System, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    system.run_process("backup", str(file))
    assert "a system runs on it; stop it" in system.run_process("restore", str(file), code=1)


def test_what_is_no_backup_is_refused(system: System, tmp_path: Path) -> None:
    file = tmp_path / "holiday.tar"
    file.write_bytes(b"not an archive")
    other = System(tmp_path / "other", tmp_path / "up.txt")
    assert "is not a backup of Tapeless" in other.run_process("restore", str(file), code=1)


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere/b.tar", 'nowhere": is not there; make it'), ("/proc/b.tar", "/proc"), ("card", "is a")],
)
def test_a_path_that_cannot_be_written_is_a_sentence(system: System, folder: Path, place: str, said: str) -> None:
    told = system.run_process("backup", str(folder / place), code=2 if place == "card" else 1)
    assert said in told
    assert "Traceback" not in told
