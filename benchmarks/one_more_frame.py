"""One more frame comes into a published sequence of 100,000: seconds of work in the ingest.

    python -m benchmarks.one_more_frame [--frames 100000] [--more 10] [--folder DIR]

The watcher and the ingest run in this process, step by step, on a PostgreSQL of their own; what is timed is one
`ingest_islands`, from claim to finish. Promised: at most 0.3 s, whatever the length of the sequence.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.stage.system import own_folder, wait_until
from models.catalog.storage import Storage
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.timing import Timing
from models.queues.island_dispatch import dispatch_islands
from models.queues.notify import leave_to_beat
from models.schema import upgrade_database
from services.ingest.run import ingest_islands
from services.ingest_effects import INGEST_EFFECTS
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher
from workers.embedded.postgres import EmbeddedPostgres

PROMISED_SECONDS = 0.3
TIMING = Timing(close_seconds=0.05, debounce_seconds=0.0, growth_seconds=0.0)
SETTINGS = {"growing_files_threshold": 0.05, "scan_interval_seconds": 3600}
WAIT_SECONDS = 600.0


@contextmanager
def own_database(folder: Path) -> Iterator[Sessions]:
    """A PostgreSQL of this run alone, migrated."""
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    engine = make_engine(postgres.url())
    try:
        upgrade_database(postgres.url())
        yield make_sessions(engine)
    finally:
        engine.dispose()
        postgres.stop()


def settle(watcher: StorageWatcher, sessions: Sessions) -> list[float]:
    """Run the watcher and the ingest until both rest; seconds of every ingest."""
    took: list[float] = []

    def step() -> bool:
        watcher.step()
        for batch in transact(sessions, lambda session: dispatch_islands(session, TIMING)):
            start = time.monotonic()
            ingest_islands(sessions, batch, TIMING, leave_to_beat, INGEST_EFFECTS)
            took.append(time.monotonic() - start)
            return False
        return watcher.is_at_rest

    wait_until(step, "the watcher rests", WAIT_SECONDS, pause=0.01)
    return took


def measure(root: Path, sessions: Sessions, frames: int, more: int) -> tuple[float, list[float]]:
    """Seconds of the first ingest of all frames, and of the slowest ingest after each further frame."""
    for frame in range(frames):
        (root / f"plate.{frame:07d}.exr").write_bytes(b"frame")
    with sessions.begin() as session:
        session.add(Storage(name="bench", root=str(root).encode(), settings=SETTINGS))
    watcher = StorageWatcher(load_watched_storages(sessions)[0], sessions, TIMING, Clock(), frozenset())
    watcher.open()
    try:
        first = sum(settle(watcher, sessions))
        took = []
        for frame in range(frames, frames + more):
            (root / f"plate.{frame:07d}.exr").write_bytes(b"frame")
            watcher.scan_now()
            took.append(max(settle(watcher, sessions)))
    finally:
        watcher.close()
    return first, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--more", type=int, default=10, help="further frames, one after another")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder, own_database(folder) as sessions:
        (folder / "root").mkdir()
        first, took = measure(folder / "root", sessions, options.frames, options.more)
    print(f"{options.frames:,} frames: first ingest {first:.2f} s")
    print(f"one more frame: median {statistics.median(took):.3f} s, slowest {max(took):.3f} s")
    print(f"promise: at most {PROMISED_SECONDS:g} s; ratio {statistics.median(took) / PROMISED_SECONDS:.2f}")


if __name__ == "__main__":
    main()
