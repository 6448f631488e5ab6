"""Rate at which marks become searchable documents, against writing the same documents prebuilt.

    python -m benchmarks.drain [--assets 20000] [--url DATABASE_URL] [--profile]

Half of the assets are single clips, a sixth sequences of 28 frames, the rest four tracks each: 130,000 files in all.
The database is one of its own that is thrown away, or an empty one at --url.
"""

import argparse
import cProfile
import gc
import pstats
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.asset import Asset, FileSet, Format
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions, read_snapshot, transact
from models.core.statements import copy_rows
from models.core.timing import Timing
from models.queues.index_queue import DocumentKey
from models.schema import upgrade_database
from search.documents.builders import build_documents
from search.postgres.engine import PostgresEngine
from search.query.criteria import Visibility, parse_criteria
from services.indexing.drain import MAX_INDEX_BATCH_DOCUMENTS, drain_index_queue
from workers.embedded.postgres import EmbeddedPostgres


def names_of(number: int) -> tuple[str, str, list[str]]:
    """Title, structure and file names of one asset of the mix."""
    if number % 2:
        title = f"Interview_{number:05}_A_cam{number % 7}"
        return title, "single", [f"{title}.mov"]
    if number % 6 == 0:
        title = f"sh{number:05}_comp_v{number % 30:03}"
        return title, "image_sequence", [f"{title}.{frame}.exr" for frame in range(1001, 1029)]
    title = f"scene{number:05}"
    return title, "separate_tracks", [f"{title}_{part}" for part in ("V1.mxf", "A1.wav", "A2.wav", "A3.wav")]


def write_assets(session: Session, numbers: range) -> None:
    """Rows as ingest writes them: an asset, a format and a file set each, by COPY."""
    mixed = [(new_id(), new_id(), *names_of(number)) for number in numbers]
    copy_rows(session, Asset, ["id", "title"], [(asset, title) for asset, _, title, _, _ in mixed])
    copy_rows(
        session,
        Format,
        ["id", "asset_id", "version_id", "name", "role", "structure"],
        [(format_id, asset, asset, "ORIGINAL", "original", structure) for asset, format_id, _, structure, _ in mixed],
    )
    copy_rows(
        session,
        FileSet,
        ["id", "asset_id", "format_id", "version_id", "name", "base_dir", "names", "file_count", "size_bytes"],
        [
            (new_id(), asset, format_id, asset, names[0], "day1/A001", "\n".join(names), len(names), 10_000_000)
            for asset, format_id, _, _, names in mixed
        ],
    )


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The database at `url`, or one that is thrown away."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="tapeless-drain-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            server.create_database("drain")
            yield server.url("drain")
        finally:
            server.stop()


def write_prebuilt(sessions: Sessions) -> float:
    """Return the seconds that the engine alone takes to write all documents, built beforehand, into an empty index."""
    with sessions() as session:
        ids: list[uuid.UUID] = list(session.scalars(text("SELECT object_id FROM index_mark ORDER BY revision")))
    keys = [DocumentKey("assets", object_id) for object_id in ids]
    documents = read_snapshot(sessions, lambda session: build_documents(session, keys))
    transact(sessions, lambda session: session.execute(text("TRUNCATE search_document")))
    engine, start = PostgresEngine(sessions), time.perf_counter()
    for first in range(0, len(documents), MAX_INDEX_BATCH_DOCUMENTS):
        engine.write(documents[first : first + MAX_INDEX_BATCH_DOCUMENTS])
    return time.perf_counter() - start


def time_searches(sessions: Sessions) -> None:
    """Return the milliseconds of three kinds of searches over the drained documents."""
    engine, everything = PostgresEngine(sessions), Visibility(everything=True)
    kinds: dict[str, dict[str, Any]] = {
        "one name": {"query": "sh00600_comp*"},
        "a word of half of all": {"query": "interview"},
        "everything, two facets": {"facets": ["media_type", "format_kind"]},
    }
    for kind, body in kinds.items():
        start = time.perf_counter()
        total = engine.search(parse_criteria(body), everything).total
        print(f"search for {kind:<24} {(time.perf_counter() - start) * 1000:8.1f} ms, {total} found")


def backend_of(sessions: Sessions) -> psutil.Process:
    """Return the database process that serves the connection in use."""
    with sessions() as session:
        return psutil.Process(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def cpu_of(process: psutil.Process) -> float:
    """Seconds of a core that a process has used."""
    times = process.cpu_times()
    return times.user + times.system


def measure(url: str, assets: int, profile: bool) -> None:
    upgrade_database(url)
    connections = make_engine(url)
    sessions = make_sessions(connections)
    start = time.perf_counter()
    for first in range(0, assets, 500):
        numbers = range(first, min(first + 500, assets))
        transact(sessions, write_assets, numbers)
    print(f"rows with marks  {assets / (time.perf_counter() - start):8,.0f} assets a second")
    profiler = cProfile.Profile() if profile else None
    if profiler:
        profiler.enable()
    backend = backend_of(sessions)
    # As a worker does after its imports: otherwise a tenth of the time is garbage collection over permanent objects.
    gc.collect()
    gc.freeze()
    start, own, server = time.perf_counter(), time.process_time(), cpu_of(backend)
    done = drain_index_queue(sessions, PostgresEngine(sessions), Timing())
    seconds, own, server = time.perf_counter() - start, time.process_time() - own, cpu_of(backend) - server
    if profiler:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    assert done.written == assets, done
    print(f"drained          {assets / seconds:8,.0f} documents a second, {seconds:.2f} s in all")
    print(f"                 {assets / (own + server):8,.0f} documents for a second of one core, of which")
    print(f"                 {own / (own + server):8.0%} here and {server / (own + server):.0%} in the database")
    time_searches(sessions)
    prebuilt = write_prebuilt(sessions)
    print(f"written prebuilt {assets / prebuilt:8,.0f} documents a second; drain / prebuilt = {prebuilt / seconds:.2f}")
    print(f"memory at most   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8,.0f} MB")
    connections.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=20_000)
    parser.add_argument("--url", help="an empty database; without it one is made and thrown away")
    parser.add_argument("--profile", action="store_true", help="print where the drain's own time goes")
    options = parser.parse_args()
    with database(options.url) as url:
        measure(url, options.assets, options.profile)


if __name__ == "__main__":
    main()
