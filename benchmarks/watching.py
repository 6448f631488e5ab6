"""What watching a large storage costs: the watcher's memory, and a scan that finds nothing new.

    python -m benchmarks.watching [--files 200000] [--scans 5] [--folder DIR]

The files are there when `tapeless up` starts, so that the first walk takes all of them up; memory is what the kernel
says that the watcher's process held at most, during that and then during the scans. A scan takes as long as the
storage's row says; a bare walk (os.scandir and a stat of each file) runs before each. They are the watcher's own scans,
every hundred times as long as one takes: one that is asked for reads all rows too. Also printed, for sizing a machine:
memory of all processes at rest, with shared pages divided among them, and the size of the data folder.

Promised: less than 200 MB, and a scan of at most three times the bare walk.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks.stage.production import SCENE_ASSETS, SCENE_FILES, write_production
from benchmarks.stage.system import RunningSystem, own_folder, running_system, wait_until
from models.catalog.storage import Storage

SCAN_SECONDS = 300.0
PROMISED_MB, PROMISED_RATIO = 200, 3


def walk_bare(root: Path) -> float:
    """Seconds of the shortest walk that still asks for each file's size and times."""
    start = time.perf_counter()
    waiting = [os.fsencode(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
    return time.perf_counter() - start


def next_scan(system: RunningSystem) -> float:
    """Wait until the watcher ends its next scan; seconds that it took by the storage's row."""
    before = last_scan(system)[0]
    wait_until(lambda: last_scan(system)[0] != before, "the next scan is through", SCAN_SECONDS)
    return last_scan(system)[1]


def last_scan(system: RunningSystem) -> tuple[object, float]:
    """When the storage was scanned last, and how long that took."""
    with system.context.sessions() as session:
        return session.execute(select(Storage.last_scanned, Storage.scan_seconds)).one()


def report_memory(system: RunningSystem, when: str) -> None:
    """Print the watcher's peak since the last report, and begin a new one."""
    peak = system.peak_memory_mb("watch")
    print(f"watcher, {when:<18} at most {peak:6.0f} MB; {peak / PROMISED_MB:.2f} of the {PROMISED_MB} MB promised")
    # Writing 5 sets the kernel's high-water mark back to what is held now.
    Path(f"/proc/{system.pid_of('watch')}/clear_refs").write_text("5")


def measure_scans(system: RunningSystem, scans: int) -> None:
    """Wait for scans, walk bare in the rest after each, and print what is promised."""
    # The first one reads the rows once more and notes that folders are settled.
    next_scan(system)
    bare, ours = [], []
    for _ in range(scans):
        bare.append(walk_bare(system.root))
        ours.append(next_scan(system))
    print(f"bare walk {statistics.median(bare):.2f} s, scan with nothing new {statistics.median(ours):.2f} s (medians)")
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"scan / bare walk = {ratio:.2f} (promise: at most {PROMISED_RATIO})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--scans", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder:
        scenes = options.files // SCENE_FILES
        production = write_production(folder / "root" / "production", scenes * SCENE_ASSETS)
        print(f"{production.files:,} files in {production.folders:,} folders", flush=True)
        start = time.monotonic()
        with running_system(folder) as system:
            print(f"taken up {time.monotonic() - start:.1f} s after the start of the system")
            report_memory(system, "first ingestion")
            system.wait_until_idle()
            print(
                f"all processes hold {system.memory_mb():,.0f} MB, the data folder {system.disk_mb():,.0f} MB",
                flush=True,
            )
            measure_scans(system, options.scans)
            report_memory(system, "scans at rest")


if __name__ == "__main__":
    main()
