"""Killing any process during ingest gives the same result: the same assets, none twice, none without a document."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.system import System, open_system
from tests.faults.killing import QUICK, VICTIMS, answers
from tests.files import write
from tests.media.demo.expected_demo import EXPECTED, IGNORED
from tests.waiting import wait_until
from workers.processes.supervisor import read_child_states

WORKERS = {"worker-ingest", "worker-index", "worker-media", "worker-trigger"}
CHILDREN = {"postgres", "valkey", "beat", "watch", "api", *WORKERS}
PARTS = ("artwork", "documents", "interviews", "masters", "rushes", "sound", "stereo", "vfx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "watched"
    folder.mkdir()
    return folder


@pytest.fixture
def system(tmp_path: Path, folder: Path) -> Iterator[System]:
    with open_system(tmp_path, **QUICK) as system:
        system.start(folder)
        yield system


def is_complete(system: System) -> bool:
    """Whether every child runs, and the servers answer."""
    children = read_child_states(system.data)
    runs = all(child.state == "running" for child in children)
    return runs and {child.name for child in children} >= CHILDREN and answers(system)


def files_below(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def assert_whole(system: System, assets: int) -> None:
    """Check that nothing is broken, duplicated, lost or left over."""
    assert [(found["name"], found["samples"]) for found in system.ask("verify") if found["broken"]] == []
    status = system.status()
    assert (status.assets, status.missing, status.parked) == (assets, 0, 0)
    assert system.ask("search", "")["total"] == assets


def test_the_demo_comes_out_the_same_when_each_part_is_killed_once(system: System, demo: Path, folder: Path) -> None:
    known = 0
    for part, victim in zip(PARTS, VICTIMS, strict=True):
        wait_until(lambda: is_complete(system), what="everything runs")
        shutil.copytree(demo / part, folder / part)
        known += sum(path.relative_to(demo).as_posix() not in IGNORED for path in (demo / part).rglob("*.*"))
        system.wait_for(
            lambda status: status.growing or status.pending_islands or status.index_queue,
            f"{part} is on its way",
            pauses=0,
        )
        VICTIMS[victim](system)
    system.wait_until_idle(known, seconds=90)
    assert system.assets() == EXPECTED
    assert_whole(system, len(EXPECTED))


@pytest.mark.faults
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("moment", ["files", "assets", "documents"])
def test_a_flood_comes_out_the_same(system: System, folder: Path, tmp_path: Path, victim: str, moment: str) -> None:
    """2,000 assets of 10,000 files in one rename; the kill comes in the middle of what `moment` names."""
    for number in range(500):
        sequence = [f"seq/{number // 50}/plate_{number:03}.{frame}.exr" for frame in range(1001, 1016)]
        write(tmp_path / "made", f"clips/{number // 50}/take_{number:03}.mov", *sequence)
        write(tmp_path / "made", f"clips/{number // 50}/take_{number:03}.en.srt", f"notes/{number}/a.txt")
        write(tmp_path / "made", f"eyes/{number}/fish_L.mov", f"eyes/{number}/fish_R.mov")
    (tmp_path / "made").rename(folder / "made")
    middle = {
        "files": lambda status: status.files > 2_000,
        "assets": lambda status: status.assets > 200,
        "documents": lambda status: status.assets > 1_000 and status.index_queue,
    }
    system.wait_for(middle[moment], f"the middle of the {moment}", pauses=0)
    VICTIMS[victim](system)
    system.wait_until_idle(files_below(folder), seconds=120)
    assert_whole(system, 2_000)
