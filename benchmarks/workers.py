"""Throughput of media workers by their number, and what bounds it.

    python -m benchmarks.workers [--clips 2000] [--pictures 200] [--workers 1,2,4] [--folder DIR]

The same clips are read again by 1, 2 and 4 workers, each a process as a worker's child is: first their headers, then
their pictures. The database and all workers share this machine. Beside each rate stands who used the processors
meanwhile: where they are busy, more workers need more cores, on this machine or on others; where they are not, the
workers wait for the database or the disk.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import select, text

from benchmarks.headers import ingest, run_all, write_clips
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


def measure(postgres: EmbeddedPostgres, sessions: Sessions, kind: MediaKind, count: int, workers: int) -> None:
    """Read `count` clips with so many workers, and print the rate and what bounds it."""
    queue_again(sessions, kind, count)
    assert postgres.pid is not None
    before = UsedProcessors.now(postgres.pid)
    start = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "benchmarks.workers",
        "--drain",
        kind.value,
        "--folder",
        str(postgres.folder.parent),
    ]
    run_all([command] * workers, [postgres.url()] * workers)
    seconds = time.monotonic() - start
    after = UsedProcessors.now(postgres.pid)
    with sessions() as session:
        if left := session.execute(text("SELECT count(*) FROM media_work")).scalar_one():
            raise SystemExit(f"{left:,} of {count:,} clips were not read")
    total = after.total - before.total
    busy = 1 - (after.idle - before.idle) / total
    database = (after.database - before.database) / total
    bound = "the processors" if busy >= BUSY_SHARE else "waiting: more workers help"
    print(
        f"{kind.value.lower():9} {workers} workers  {count / seconds:7,.1f} a second  processors {busy:4.0%} busy, "
        f"{database:4.0%} by the database  bounded by {bound}",
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
            for kind, count in ((MediaKind.HEADERS, options.clips), (MediaKind.PICTURES, options.pictures)):
                for workers in map(int, options.workers.split(",")):
                    measure(postgres, sessions, kind, count, workers)
        finally:
            engine.dispose()
            postgres.stop()


if __name__ == "__main__":
    main()
