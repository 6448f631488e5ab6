"""Long-term operation: doctor checks, and restoring a system from one backup file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.system import System, open_system
from tests.files import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keeping")
    write(folder / "card", "a.mov", "b.wav")
    return folder


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[System]:
    with open_system(folder) as system:
        system.start(folder / "card")
        system.wait_until_idle(files=2)
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


def test_a_system_comes_back_out_of_its_backup(system: System, folder: Path) -> None:
    before = {hit["id"] for hit in system.ask("search", "a")["hits"]}
    file = folder / "monday.tar"
    system.run_process("backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    again = folder / "again"
    again.mkdir()
    with open_system(again) as restored:
        restored.run_process("restore", str(file))
        restored.start()
        write(folder / "card", "c.mov")
        restored.wait_until_idle(files=3)
        assert {hit["id"] for hit in restored.ask("search", "a")["hits"]} == before
        assert [finding["name"] for finding in restored.ask("verify") if finding["broken"]] == []
    assert (again / "data" / "secret-key").read_text() == (system.data / "secret-key").read_text()


def test_a_backup_never_goes_over_a_system(system: System, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    system.run_process("backup", str(file))
    assert "a system runs on it; stop it" in system.run_process("restore", str(file), code=1)


def test_what_is_no_backup_is_refused(system: System, tmp_path: Path) -> None:
    file = tmp_path / "holiday.tar"
    file.write_bytes(b"not an archive")
    other = System(tmp_path / "other", tmp_path / "up.txt")
    assert "is no backup of Tapeless" in other.run_process("restore", str(file), code=1)
