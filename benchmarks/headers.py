"""Headers of ten thousand small clips: the whole way from the queue to the rows, against a bare loop of PyAV.

    python -m benchmarks.headers [--clips 10000] [--cores 2] [--folder DIR]

Both run on the same cores in one run. The bare loop opens each file in as many processes as there are cores and looks
at what PyAV then knows; it isolates, writes and marks nothing. Ours is what media workers do, as many as there are
cores: claim, open without following links, read in a confined child, write components and jobs, mark for the index; the
database runs on the same cores.

Promised: at least half of the bare loop's rate.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import av
from sqlalchemy import text

from benchmarks.one_more_file import SETTINGS, TIMING, WAIT_SECONDS, settle
from benchmarks.stage.system import own_folder, wait_until
from media.demo.drawing import Scene, ball_runs
from media.demo.encoding import DEMO_H264
from media.demo.production import render_clip
from models.catalog.storage import Storage
from models.core.sessions import Sessions, make_engine, make_sessions
from models.core.timing import Timing
from models.queues.media_queue import has_dirty_islands
from models.schema import upgrade_database
from services.media.drain import drain_media
from services.media.probe import PROBE_READING
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher
from workers.embedded.postgres import EmbeddedPostgres

CLIPS_A_FOLDER = 100
PROMISED = 0.5


def write_clips(root: Path, count: int) -> list[str]:
    """One real clip of two seconds with sound, as often as asked."""
    content = render_clip(DEMO_H264, Scene(ball_runs(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120)), 440)
    paths = []
    for number in range(count):
        folder = root / f"day{number // CLIPS_A_FOLDER:04}"
        folder.mkdir(exist_ok=True)
        path = folder / f"clip{number:05}.mp4"
        path.write_bytes(content)
        paths.append(str(path))
    return paths


def run_all(commands: list[list[str]], stdin: list[str]) -> float:
    """Seconds until programs that were started at once have all ended."""
    start = time.monotonic()
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for command in commands]
    for process, given in zip(running, stdin, strict=True):
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
    for process in running:
        if process.wait() != 0:
            raise SystemExit(f"{process.args!r} ended with exit code {process.returncode}")
    return time.monotonic() - start


def bare_loop(paths: list[str]) -> None:
    """The bare loop: what a script of a dozen lines does."""
    for path in paths:
        with av.open(path) as container:
            for stream in container.streams:
                codec = stream.codec_context
                _ = (
                    container.duration,
                    stream.type,
                    codec.name,
                    stream.average_rate if stream.type == "video" else None,
                )


def has_settled(watcher: StorageWatcher, sessions: Sessions) -> bool:
    """Return whether no island is waiting to be grouped: media would yield to it."""
    settle(watcher, sessions)
    with sessions() as session:
        return not has_dirty_islands(session)


def ingest(sessions: Sessions, root: Path) -> None:
    """Let the clips become assets, without a media worker."""
    with sessions.begin() as session:
        session.add(
            Storage(name="bench", root=str(root).encode(), settings=SETTINGS | {"local_keyframe_creation": False})
        )
    watcher = StorageWatcher(load_watched_storages(sessions)[0], sessions, TIMING, Clock(), frozenset())
    watcher.open()
    try:
        wait_until(lambda: has_settled(watcher, sessions), "all clips are assets", WAIT_SECONDS)
    finally:
        watcher.close()


def measure(folder: Path, clips: int, cores: int) -> float:
    """The ratio of the two rates."""
    root = folder / "root"
    root.mkdir()
    paths = write_clips(root, clips)
    itself = [sys.executable, "-m", "benchmarks.headers"]
    shares = ["\n".join(paths[number::cores]) for number in range(cores)]
    bare = run_all([[*itself, "--bare"]] * cores, shares)
    print(f"bare loop  {bare:6.2f} s  {clips / bare:8,.0f} clips a second, {cores} processes", flush=True)
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    engine = make_engine(postgres.url())
    try:
        upgrade_database(postgres.url())
        sessions = make_sessions(engine)
        ingest(sessions, root)
        workers = cores
        ours = run_all([[*itself, "--drain"]] * workers, [postgres.url()] * workers)
        with sessions() as session:
            found = session.scalar(text("SELECT count(*) FROM component WHERE type = 'GENERAL' AND from_header"))
        if found != clips:
            raise SystemExit(f"headers of {found:,} clips were read instead of {clips:,}")
    finally:
        engine.dispose()
        postgres.stop()
    print(f"ours       {ours:6.2f} s  {clips / ours:8,.0f} clips a second, {workers} workers", flush=True)
    return bare / ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all there are")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--drain", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare_loop(sys.stdin.read().splitlines())
    elif options.drain:
        drain_media(make_sessions(make_engine(sys.stdin.read())), PROBE_READING, Timing(), seconds=3600.0)
    else:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
        with own_folder(options.folder) as folder:
            ratio = measure(folder, options.clips, options.cores)
        print(f"ratio of rates, ours / bare = {ratio:.2f} (promise: at least {PROMISED:g})")


if __name__ == "__main__":
    main()
