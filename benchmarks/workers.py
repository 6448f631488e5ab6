"""Throughput of media workers by their number, and what bounds it.

    python -m benchmarks.workers [--clips 2000] [--pictures 200] [--workers 1,2,4] [--folder DIR]

The same clips are read again by 1, 2 and 4 workers, each a process as a worker's child is: first their headers, then
their pictures. The clock runs from when all have loaded their modules. The database and all workers share this machine.
Beside each rate stands its ratio to that of the first line, and who used the processors meanwhile. A worker and the
confined process that reads for it work at the same time. Where the processors are busy, more workers need more cores,
on this machine or on others; where they are not, the workers wait for the database or the disk.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import select, text

from benchmarks.headers import ingest, write_clips
from benchmarks.stage.system import own_folder
from models.catalog.asset import FileSet
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.timing import Timing
from models.queues.media_queue import MediaKind, queue_media
from models.schema import upgrade_database
from services.media.drain import MediaReading, drain_media
from services.media.previews import preview_reading_for
from services.media.probe import PROBE_READING
from workers.embedded.postgres import EmbeddedPostgres

BUSY_SHARE = 0.9
"""Of all processors: above it, they are what bounds the rate."""


TABLE_HEAD = """\
| what is read | workers | rate | processors busy | by the database | bounded by |
| --- | --- | --- | --- | --- | --- |"""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Clips a second, and shares of all processors meanwhile."""

    rate: float
    busy: float
    database: float


@dataclass(frozen=True, slots=True)
class UsedProcessors:
    """Processor seconds so far, of the machine, of its idle time, and of the database."""

    total: float
    idle: float
    database: float

    @classmethod
    def now(cls, postmaster: int) -> "UsedProcessors":
        """Read the counters. Those of backends that ended are in their parent's."""
        times = psutil.cpu_times()
        own = psutil.Process(postmaster)
        database = sum(own.cpu_times())
        for backend in own.children(recursive=True):
            database += sum(backend.cpu_times()[:2])
        return cls(sum(times[:8]), times.idle + times.iowait, database)


def reading_of(kind: MediaKind, folder: Path) -> MediaReading:
    return PROBE_READING if kind is MediaKind.HEADERS else preview_reading_for(folder / "media")


def queue_again(sessions: Sessions, kind: MediaKind, count: int) -> None:
    """Queue so many clips for reading, as if nothing had been read."""
    with sessions() as session:
        sets = session.scalars(select(FileSet.id).order_by(FileSet.id).limit(count)).all()
    transact(sessions, lambda session: session.execute(text("DELETE FROM media_work")))
    transact(sessions, queue_media, kind, sets)
    transact(sessions, lambda session: session.execute(text("UPDATE media_work SET not_before = now()")))


def run_workers(command: list[str], url: str, workers: int) -> float:
    """Seconds that so many workers take, from when all of them are loaded."""
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    start = time.monotonic()
    for process in running:
        assert process.stdin is not None
        process.stdin.write(url)
        process.stdin.close()
    if failed := [code for process in running if (code := process.wait())]:
        raise SystemExit(f"a worker ended with exit code {failed[0]}")
    return time.monotonic() - start


def find_bound(busy: float) -> str:
    """Say what keeps the rate from being higher."""
    return "the processors" if busy >= BUSY_SHARE else "waiting: more workers help"


def measure(postgres: EmbeddedPostgres, sessions: Sessions, kind: MediaKind, count: int, workers: int) -> Throughput:
    """Read `count` clips with so many workers."""
    queue_again(sessions, kind, count)
    assert postgres.pid is not None
    words = ["-m", "benchmarks.workers", "--drain", kind.value, "--folder", str(postgres.folder.parent)]
    before = UsedProcessors.now(postgres.pid)
    seconds = run_workers([sys.executable, *words], postgres.url(), workers)
    after = UsedProcessors.now(postgres.pid)
    with sessions() as session:
        if left := session.execute(text("SELECT count(*) FROM media_work")).scalar_one():
            raise SystemExit(f"{left:,} of {count:,} clips were not read")
    total = after.total - before.total
    busy = 1 - (after.idle - before.idle) / total
    return Throughput(count / seconds, busy, (after.database - before.database) / total)


def report(kind: MediaKind, workers: int, found: Throughput, first: Throughput) -> None:
    """Print one line of the table."""
    print(
        f"| {kind.value.lower()} | {workers} | {found.rate:,.0f} a second, x{found.rate / first.rate:.1f} "
        f"| {found.busy:.0%} | {found.database:.0%} | {find_bound(found.busy)} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2_000)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    parser.add_argument("--drain", type=MediaKind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drain is not None:
        print("ready", flush=True)
        sessions = make_sessions(make_engine(sys.stdin.read()))
        drain_media(sessions, reading_of(options.drain, options.folder), Timing(), seconds=3600.0)
        return
    with own_folder(options.folder) as folder:
        root = folder / "root"
        root.mkdir()
        write_clips(root, options.clips)
        postgres = EmbeddedPostgres(folder / "postgres")
        postgres.start()
        engine = make_engine(postgres.url())
        try:
            upgrade_database(postgres.url())
            sessions = make_sessions(engine)
            ingest(sessions, root)
            print(f"{os.cpu_count()} processors\n\n{TABLE_HEAD}", flush=True)
            for kind, count in ((MediaKind.HEADERS, options.clips), (MediaKind.PICTURES, options.pictures)):
                first: Throughput | None = None
                for workers in map(int, options.workers.split(",")):
                    found = measure(postgres, sessions, kind, count, workers)
                    first = first or found
                    report(kind, workers, found, first)
        finally:
            engine.dispose()
            postgres.stop()


if __name__ == "__main__":
    main()
