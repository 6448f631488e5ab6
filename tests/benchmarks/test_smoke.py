"""The programs that measure a running system run to their end on a small tree and print their ratios.

One system serves them all, because its start and its end are most of the time.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import drop, drop_beside_media, headers, latency, watching, write_to_search
from benchmarks.stage.floor import measure_floor
from benchmarks.stage.production import Production, write_production
from benchmarks.stage.system import RunningSystem, running_system


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file system for the root and what comes into it."""
    return tmp_path_factory.mktemp("system")


@pytest.fixture(scope="module")
def dropped(folder: Path) -> tuple[Production, float]:
    """A tree outside the root, and when it was written: early, because it must be stable for seconds."""
    return write_production(folder / "drop", 40), time.time()


@pytest.fixture(scope="module")
def system(folder: Path, dropped: tuple[Production, float]) -> Iterator[RunningSystem]:
    """A running system that has 40 assets in one folder."""
    write_production(folder / "root" / "production", 40)
    with running_system(folder) as system:
        yield system


def test_latency_prints_how_late_95_of_100_files_are(
    system: RunningSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latency.report(latency.measure(system, tmp_path, [system.root], files=2))
    assert "; ratio " in capsys.readouterr().out


def test_watching_prints_memory_and_what_a_scan_costs(
    system: RunningSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    watching.measure_scans(system, scans=1)
    watching.report_memory(system, "scans")
    printed = capsys.readouterr().out
    assert "scan / bare walk = " in printed
    assert "of the 200 MB promised" in printed


def test_drop_makes_the_same_assets_as_its_floor_and_prints_the_ratio(
    system: RunningSystem, dropped: tuple[Production, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    production, written = dropped
    floor = measure_floor(production.root, tmp_path)
    drop.report_floor(production, floor)
    measured = drop.measure_drop(system, production, written)
    drop.report(production, measured)
    drop.report_ratio(floor, measured)
    assert "ratio of rates, pipeline / floor = " in capsys.readouterr().out


def test_headers_reads_every_clip_and_gives_the_ratio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headers.measure(tmp_path, clips=20, cores=2) > 0
    printed = capsys.readouterr().out
    assert "bare loop" in printed
    assert "ours" in printed


def test_drop_beside_media_gives_no_figure_where_the_queue_ran_empty(
    system: RunningSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system.wait_until_idle()
    with pytest.raises(SystemExit, match="all clips were read before the drop ended"):
        drop_beside_media.measure_drop(system, write_production(tmp_path / "more", 20), clips=1)
    assert capsys.readouterr().out == ""
    assert drop_beside_media.measure_drop(system, write_production(tmp_path / "last", 20), clips=0) > 0
    assert "0 clips waited before" in capsys.readouterr().out


def test_a_write_over_the_api_is_found_within_a_second(
    system: RunningSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    with write_to_search.open_client(system) as client:
        took = write_to_search.measure(client, writes=6)
    write_to_search.report(took)
    assert "6 writes, until found: median " in capsys.readouterr().out
    # Without the wake-up, beat's poll alone is five seconds; a busy machine may make one of few writes late.
    assert sorted(took)[2] < write_to_search.PROMISED_SECONDS, took
