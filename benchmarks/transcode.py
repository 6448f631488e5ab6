"""A sequence through a transcode job, against one process that encodes the same frames with the same settings.

    python -m benchmarks.transcode [--frames 480] [--rounds 3] [--folder DIR]

The bare process opens each frame by its path, decodes it, converts size and colours and encodes it; it isolates,
supervises, reports and registers nothing. Ours is the whole job: claimed, read, encoded in the sandboxed child with its
frames passed in batches, progress twice a second, its index moved to the front, published, registered with history.
The frames are PNG pictures of 1920x1080 that move, a few drawn and used again and again.

Both run in one run, by turns; the median of each counts. Promised: at most 1.15 times as long.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
import uuid
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.one_more_file import SETTINGS, TIMING, settle
from benchmarks.stage.system import own_folder
from media.demo.drawing import Scene, ball_runs, draw_scene
from media.demo.encoding import encode_still, to_frame
from media.renditions.encoder_settings import EncoderSettings
from media.renditions.muxer import RenditionMuxer
from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.storage import Storage
from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.queues.job import Job, JobStatus
from models.schema import upgrade_database
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode
from services.renditions.profiles import BUILT_IN_PROFILES
from services.renditions.queue import request_transcode
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher
from workers.embedded.postgres import EmbeddedPostgres

WIDTH, HEIGHT = 1920, 1080
DRAWN = 24
PROMISED = 1.15
RATE = Fraction(24)
SCENE = Scene(ball_runs(60), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))


def write_frames(root: Path, count: int) -> None:
    """Frames of a sequence: some are drawn, the others have the same content."""
    contents = []
    for number in range(DRAWN):
        picture = to_frame(draw_scene(SCENE, number, 1001 + number)).reformat(
            width=WIDTH, height=HEIGHT, format="rgb24"
        )
        contents.append(encode_still("png", picture, {}))
    for number in range(count):
        (root / f"plate.{1001 + number}.png").write_bytes(contents[number % DRAWN])


def bare(root: Path, target: Path) -> None:
    """One process of the same encoder, settings and conversion."""
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    output = RenditionMuxer(descriptor, EncoderSettings())
    for index, path in enumerate(sorted(root.iterdir())):
        with av.open(str(path)) as container:
            picture = next(container.decode(video=0))
        if index == 0:
            output.add_pictures(picture, RATE, 1 / RATE, Fraction(1), "png")
        output.write_picture(output.shaped(picture), index)
    output.finish()
    os.close(descriptor)


def ingest(sessions: Sessions, root: Path) -> uuid.UUID:
    """Let the sequence become an asset."""
    with sessions.begin() as session:
        settings = SETTINGS | {"local_keyframe_creation": False}
        session.add(Storage(name="bench", root=os.fsencode(root), settings=settings))
    watcher = StorageWatcher(load_watched_storages(sessions)[0], sessions, TIMING, Clock(), frozenset())
    watcher.open()
    try:
        settle(watcher, sessions)
    finally:
        watcher.close()
    with sessions() as session:
        (asset,) = session.query(Asset).all()
        return asset.id


def measure(folder: Path, frames: int, rounds: int) -> float:
    """The ratio of the two times."""
    root = folder / "root"
    root.mkdir()
    write_frames(root, frames)
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    engine = make_engine(postgres.url())
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    try:
        upgrade_database(postgres.url())
        sessions = make_sessions(engine)
        asset_id = ingest(sessions, root)
        configure_mounts({}, folder / "media")
        by = TranscodeContext(BUILT_IN_PROFILES)
        for _ in range(rounds):
            start = time.monotonic()
            command = [sys.executable, "-m", "benchmarks.transcode", "--bare", str(root), str(folder / "bare.mp4")]
            subprocess.run(command, check=True)
            times["bare"].append(time.monotonic() - start)
            start = time.monotonic()
            run_job(sessions, by, asset_id, frames)
            times["ours"].append(time.monotonic() - start)
            print(f"bare {times['bare'][-1]:6.2f} s   ours {times['ours'][-1]:6.2f} s", flush=True)
    finally:
        engine.dispose()
        postgres.stop()
    return statistics.median(times["ours"]) / statistics.median(times["bare"])


def run_job(sessions: Sessions, by: TranscodeContext, asset_id: uuid.UUID, frames: int) -> None:
    """Ask for a rendition and run its job to its end."""
    actor = Actor("benchmark", is_admin=True)
    job_id = transact(sessions, lambda session: request_transcode(session, asset_id, None, "web", actor).id)
    run_next_transcode(sessions, TIMING, by, lambda _task, _ids: None)
    with sessions() as session:
        job = session.get_one(Job, job_id)
    if job.status != JobStatus.FINISHED or job.progress_total != frames:
        raise SystemExit(f"the job is {job.status}: {job.error_message or job.message}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=480)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    parser.add_argument("--bare", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(*options.bare)
        return
    with own_folder(options.folder) as folder:
        ratio = measure(folder, options.frames, options.rounds)
    print(f"ratio of times, ours / bare = {ratio:.2f} (promise: at most {PROMISED:g})")


if __name__ == "__main__":
    main()
