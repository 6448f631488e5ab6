"""A folder with thousands of assets is renamed into place: seconds until the last one can be found, against a floor.

    python -m benchmarks.drop [--assets 20000] [--floor-only] [--folder DIR]

Everything is real: `tapeless up` with all its processes on a fresh data folder, idle when the tree comes. The clock
starts right before the rename: every file has been unchanged for longer than the storage waits, so all of them
are stable the moment they are there. It stops when the search index holds a document for each asset and no file,
island or mark is on its way. The floor (see benchmarks/stage/floor.py) runs over the same tree before. A tenth of the
tree is dropped on a system of its own, to see whether time grows with the number of files. Processor seconds are those
of all processes, PostgreSQL included: they vary less than the time where other work shares the machine.

Promised: at least a quarter of the floor's rate, and ten times the files in at most eleven times the time.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from benchmarks.stage.floor import Floor, measure_floor
from benchmarks.stage.production import Production, write_production
from benchmarks.stage.system import CALM_SECONDS, RunningSystem, own_folder, running_system, wait_until
from models.catalog.storage import StorageSettings

LIMIT_SECONDS = 900.0
MOMENTS = text("""
    SELECT extract(epoch FROM min(file.date_created)), extract(epoch FROM max(file.date_created)),
        (SELECT extract(epoch FROM min(date_created)) FROM asset),
        (SELECT extract(epoch FROM max(date_created)) FROM asset) FROM file
""")


@dataclass(frozen=True, slots=True)
class Drop:
    """Timings of one drop, in seconds since the rename."""

    seconds: float
    moments: list[float]
    """First and last row of a file, of an asset."""
    cpu_seconds: dict[str, float]
    quiet_seconds: float
    """From the last document until nothing is left to do: headers are read, and what they say is indexed."""
    quiet_cpu_seconds: dict[str, float]
    watcher_mb: float


def wait_until_old(written: float) -> None:
    """Leave the files unchanged for as long as a storage requires."""
    time.sleep(max(0.0, written + StorageSettings().growing_files_threshold + 0.5 - time.time()))


def measure_drop(system: RunningSystem, production: Production, written: float) -> Drop:
    """Rename the tree into the root of an idle system, and wait for the last document."""
    wait_until_old(written)
    spent, expected = system.cpu_seconds(), system.progress().documents + production.assets
    start = time.time()
    production.root.rename(system.root / production.root.name)
    wait_until(lambda: is_visible(system, expected), "everything is visible", LIMIT_SECONDS, pause=0.1)
    seconds = time.time() - start
    visible = system.cpu_seconds()
    spent = {name: after - spent[name] for name, after in visible.items()}
    system.wait_until_quiet()
    quiet = time.time() - start - seconds - CALM_SECONDS
    quiet_spent = {name: after - visible[name] for name, after in system.cpu_seconds().items()}
    if (documents := system.progress().documents) != expected:
        raise SystemExit(f"{documents:,} documents instead of {expected:,}")
    with system.context.sessions() as session:
        moments = [float(moment) - start for moment in session.execute(MOMENTS).one()]
    return Drop(seconds, moments, spent, quiet, quiet_spent, system.peak_memory_mb("watch"))


def is_visible(system: RunningSystem, expected: int) -> bool:
    """Return whether the last document is indexed; more documents than assets are an error detected afterwards."""
    progress = system.progress()
    return progress.documents >= expected and progress.is_through


def report(production: Production, drop: Drop) -> None:
    """Print where the time went."""
    print(f"pipeline  {drop.seconds:7.2f} s   {production.assets / drop.seconds:8,.0f} assets a second")
    names = ("first file", "last file", "first asset", "last asset")
    shown = ", ".join(f"{name} {moment:.2f} s" for name, moment in zip(names, drop.moments, strict=True))
    print(f"          rows after the rename: {shown}")
    _report_cpu(drop.cpu_seconds)
    print(f"to quiet  {drop.quiet_seconds:7.2f} s")
    _report_cpu(drop.quiet_cpu_seconds)
    print(f"          memory of the watcher at most {drop.watcher_mb:.0f} MB", flush=True)


def _report_cpu(seconds: dict[str, float]) -> None:
    spent = ", ".join(f"{name} {each:.1f}" for name, each in sorted(seconds.items()) if each >= 0.05)
    print(f"          processor seconds: {spent}; together {sum(seconds.values()):.1f}")


def report_floor(production: Production, floor: Floor) -> None:
    """Print what the straight line took."""
    print(f"{production.assets:,} assets, {production.files:,} files in {production.folders:,} folders")
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in floor.seconds.items())
    print(f"floor     {floor.total:7.2f} s   {floor.assets / floor.total:8,.0f} assets a second ({steps})")
    print(f"          processor seconds: {floor.cpu_seconds:.1f}", flush=True)
    if floor.assets != production.assets:
        raise SystemExit(f"the floor made {floor.assets:,} assets instead of {production.assets:,}")


def report_ratio(floor: Floor, drop: Drop) -> None:
    """Print what is promised, and the processor time of both."""
    print(f"ratio of rates, pipeline / floor = {floor.total / drop.seconds:.2f} (promise: at least 0.25)")
    visible, quiet = sum(drop.cpu_seconds.values()), sum(drop.quiet_cpu_seconds.values())
    print(
        f"processor seconds, pipeline / floor = {visible / floor.cpu_seconds:.1f} until visible, "
        f"{quiet / floor.cpu_seconds:.1f} more until quiet",
        flush=True,
    )


def measure(assets: int, folder: Path, floor_only: bool) -> float:
    """Measure one size on a system of its own; gives the seconds of the drop."""
    folder.mkdir()
    production = write_production(folder / "drop", assets)
    written = time.time()
    floor = measure_floor(production.root, folder)
    report_floor(production, floor)
    if floor_only:
        return floor.total
    with running_system(folder) as system:
        drop = measure_drop(system, production, written)
    report(production, drop)
    report_ratio(floor, drop)
    return drop.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=20_000, help="a multiple of twenty; a tenth is measured too")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    parser.add_argument("--floor-only", action="store_true", help="measure only what the pipeline is held against")
    options = parser.parse_args()
    with own_folder(options.folder) as folder:
        tenth = measure(options.assets // 10, folder / "tenth", options.floor_only)
        whole = measure(options.assets, folder / "whole", options.floor_only)
    print(f"ten times the files in {whole / tenth:.1f} times the time (promise: at most 11)")


if __name__ == "__main__":
    main()
