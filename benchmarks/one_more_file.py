"""One more file comes into a folder that is full: a frame of a published sequence, or a clip that nothing belongs to.

    python -m benchmarks.one_more_file [--frames 100000] [--lone 1000 10000 100000] [--more 10] [--folder DIR]

The watcher and the ingest run in this process, step by step, on a PostgreSQL of their own; what is timed is one
`ingest_islands`, from claim to finish. Promised: one more frame at most 0.3 s, however long the sequence; one more lone
clip the same processor time in every folder, within a factor of two.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.stage.system import own_folder, wait_until
from models.catalog.asset import FileSet, FileSetFile
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
PROMISED_FACTOR = 2.0
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


def settle(
    watcher: StorageWatcher,
    sessions: Sessions,
    clock: Callable[[], float] = time.monotonic,
    is_done: Callable[[], bool] | None = None,
) -> list[float]:
    """Run the watcher and the ingest until both rest or `is_done`; seconds of every ingest, by this clock."""
    took: list[float] = []

    def step() -> bool:
        watcher.step()
        for batch in transact(sessions, lambda session: dispatch_islands(session, TIMING)):
            start = clock()
            ingest_islands(sessions, batch, TIMING, leave_to_beat, INGEST_EFFECTS)
            took.append(clock() - start)
            return False
        return watcher.is_at_rest if is_done is None else is_done()

    wait_until(step, "the watcher rests", WAIT_SECONDS, pause=0.01)
    return took


def measure(
    root: Path, sessions: Sessions, name: Callable[[int], str], count: int, more: int, clock: Callable[[], float]
) -> tuple[float, list[float]]:
    """Seconds of the first ingest of all files, and of the slowest ingest after each further one."""
    root.mkdir()
    for number in range(count):
        (root / name(number)).write_bytes(b"content")
    with sessions.begin() as session:
        session.add(Storage(name=root.name, root=str(root).encode(), settings=SETTINGS))
    storage = next(each for each in load_watched_storages(sessions) if each.root == str(root).encode())
    watcher = StorageWatcher(storage, sessions, TIMING, Clock(), frozenset())

    def are_grouped(number: int) -> Callable[[], bool]:
        """At rest, the watcher would also have read the ends of all files."""
        query = select(func.count()).select_from(FileSet).where(FileSet.storage_id == storage.id)
        members = query.join(FileSetFile, FileSetFile.file_set_id == FileSet.id)

        def is_done() -> bool:
            with sessions() as session:
                return session.scalar(members) == number

        return is_done

    watcher.open()
    try:
        first = sum(settle(watcher, sessions, clock, are_grouped(count)))
        took = []
        for number in range(count, count + more):
            (root / name(number)).write_bytes(b"content")
            watcher.scan_now()
            took.append(max(settle(watcher, sessions, clock, are_grouped(number + 1))))
    finally:
        watcher.close()
    return first, took


def frame_name(number: int) -> str:
    return f"plate.{number:07d}.exr"


def clip_name(number: int) -> str:
    return f"A{number // 1000:03d}_C{number % 1000:03d}_0821AB.mov"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000, help="length of the sequence; 0 leaves it out")
    parser.add_argument("--lone", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="clips of each folder")
    parser.add_argument("--more", type=int, default=10, help="further files, one after another")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder, own_database(folder) as sessions:
        if options.frames:
            root = folder / "frames"
            first, took = measure(root, sessions, frame_name, options.frames, options.more, time.monotonic)
            print(f"{options.frames:,} frames: first ingest {first:.2f} s")
            print(f"one more frame: median {statistics.median(took):.3f} s, slowest {max(took):.3f} s")
            print(f"promise: at most {PROMISED_SECONDS:g} s; ratio {statistics.median(took) / PROMISED_SECONDS:.2f}")
        medians = []
        for count in options.lone:
            root = folder / f"clips{count}"
            first, took = measure(root, sessions, clip_name, count, options.more, time.process_time)
            medians.append(statistics.median(took))
            print(f"{count:,} lone clips: first ingest {first:.2f} s of the processor")
            print(f"one more clip: median {medians[-1]:.3f} s of the processor, slowest {max(took):.3f} s", flush=True)
        if medians:
            print(f"promise: at most {PROMISED_FACTOR:g} times the smallest; ratio {max(medians) / min(medians):.2f}")


if __name__ == "__main__":
    main()
