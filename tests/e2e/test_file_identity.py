"""Files that are renamed, linked, replaced or still written, through the real processes: each asset keeps its own."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from benchmarks.stage.system import RunningSystem, running_system
from models.catalog.asset import Asset
from models.catalog.file import File
from models.catalog.history import History
from tests.waiting import wait_until
from workers.main import main

SECONDS = 30.0
LONG_AGO, FAR_FUTURE = 1_000_000_000, 10_413_792_000


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system(tmp_path_factory.mktemp("identity")) as system:
        yield system


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def assets(system: RunningSystem) -> dict[str, uuid.UUID]:
    """Assets with a present file, by title."""
    with system.context.sessions() as session:
        present = select(Asset).where(Asset.status == "ACTIVE", Asset.is_online)
        return {asset.title: asset.id for asset in session.scalars(present)}


def wait_for_assets(system: RunningSystem, *titles: str) -> dict[str, uuid.UUID]:
    wait_until(lambda: set(titles) <= assets(system).keys(), what=f"the assets {titles} are there", seconds=SECONDS)
    return assets(system)


def wait_for_history(system: RunningSystem, asset_id: uuid.UUID, entry: str) -> None:
    def is_told() -> bool:
        with system.context.sessions() as session:
            texts = session.scalars(select(History.operation_description).where(History.asset_id == asset_id)).all()
        return entry in texts

    wait_until(is_told, what=f"history says: {entry}", seconds=SECONDS)


def test_a_renamed_file_keeps_its_asset_when_another_gets_its_name(system: RunningSystem) -> None:
    roll = write(system.root / "rolls/roll.mov", "the first roll")
    first = wait_for_assets(system, "roll")["roll"]
    roll.rename(roll.with_name("roll_old.mov"))
    write(roll, "another roll")
    found = wait_for_assets(system, "roll", "roll_old")
    assert found["roll_old"] == first != found["roll"]


def test_a_renamed_link_keeps_its_own_asset(system: RunningSystem) -> None:
    folder = system.root / "links"
    write(folder / "link_a.mov", "one content")
    os.link(folder / "link_a.mov", folder / "link_b.mov")
    second = wait_for_assets(system, "link_a", "link_b")["link_b"]
    (folder / "link_a.mov").unlink()
    wait_until(lambda: "link_a" not in assets(system), what="the deleted link is missing", seconds=SECONDS)
    (folder / "link_b.mov").rename(folder / "link_c.mov")
    assert wait_for_assets(system, "link_c")["link_c"] == second


def test_content_that_is_replaced_with_its_times_put_back_is_told_once(system: RunningSystem) -> None:
    take = write(system.root / "takes/take.mov", "version 1")
    asset_id = wait_for_assets(system, "take")["take"]

    def has_digest() -> bool:
        with system.context.sessions() as session:
            return session.scalar(select(File.digest).where(File.name == b"take.mov")) is not None

    wait_until(has_digest, what="the ends of the file are known", seconds=SECONDS)
    before = take.stat()
    for number in range(2, 6):
        take.write_text(f"version {number}")
        os.utime(take, ns=(before.st_atime_ns, before.st_mtime_ns))
    wait_for_history(system, asset_id, "take.mov: 1 file rewritten.")


def test_a_file_that_is_still_written_waits_and_holds_up_no_other(system: RunningSystem) -> None:
    folder = system.root / "slow"
    folder.mkdir()
    with open(folder / "upload.mov", "wb", buffering=0) as upload:
        os.posix_fallocate(upload.fileno(), 0, 100_000)
        os.utime(folder / "upload.mov", (LONG_AGO, LONG_AGO))
        write(folder / "odd.mov", "a time that no database holds")
        os.utime(folder / "odd.mov", (FAR_FUTURE, FAR_FUTURE))
        assert "upload" not in wait_for_assets(system, "odd")
    wait_for_assets(system, "upload")


def test_everything_that_is_promised_holds_afterwards(system: RunningSystem) -> None:
    system.wait_until_idle(60.0)
    result = CliRunner().invoke(main, ["verify", "--data", str(system.data)])
    assert result.exit_code == 0, result.output
