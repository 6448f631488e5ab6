"""Sums of files that transcodes read: how many there are, and how much of the disk was read for them.

    python -m benchmarks.fixity [--clips 12] [--megabytes 12] [--folder DIR]

Clips with the index before and after the pictures, and sounds, each larger than 10 MB, are put on the disk and out of
the memory; then each gets a rendition. What the device gave is what the kernel counted as read for this
process and the encoders; the folder has to be on a disk, since memory gives nothing. Promised: at least 95 % of these
files have sums then, with at most 1.1 times their bytes read.
"""

import argparse
import os
import resource
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from sqlalchemy import text

from benchmarks.one_more_file import SETTINGS, TIMING, own_database, settle
from benchmarks.stage.system import own_folder
from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.storage import Storage
from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, transact
from services.media.drain import drain_media
from services.media.probe import PROBE_READING
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode
from services.renditions.profiles import BUILT_IN_PROFILES
from services.renditions.queue import request_transcode
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher

PROMISED_SHARE, PROMISED_FACTOR = 0.95, 1.1
MEGABYTE = 1_000_000
LARGE_BYTES = 10 * MEGABYTE
BLOCK_BYTES = 512
"""Unit of `ru_inblock`."""
WIDTH, HEIGHT, RATE = 640, 360, 24
COUNT_SUMS = text("""
    SELECT count(*) AS files, count(sums.file_id) AS summed, sum(file.size) AS size FROM file
    JOIN folder ON folder.id = file.folder_id JOIN storage ON storage.id = folder.storage_id AND storage.name = 'bench'
    LEFT JOIN file_digest AS sums ON sums.file_id = file.id AND sums.algorithm = 'xxh128'
    WHERE file.size >= :large
""")


def write_movie(path: Path, size: int, *, is_fast_start: bool) -> None:
    """Write pictures of noise, which no codec makes small."""
    random = np.random.default_rng(list(path.name.encode()))
    options = {"movflags": "faststart"} if is_fast_start else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mjpeg", rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.bit_rate = 200 * MEGABYTE
        written = 0
        while written < size:
            noise = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(noise, "rgb24").reformat(format="yuvj420p")):
                written += packet.size
                container.mux(packet)
        container.mux(stream.encode(None))


def write_sound(path: Path, size: int) -> None:
    """Write noise as PCM."""
    samples = np.random.default_rng(7).integers(-20_000, 20_000, (1, size), dtype=np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        for start in range(0, size, 2 * 4_800):
            piece = np.ascontiguousarray(samples[:, start : start + 2 * 4_800])
            frame = av.AudioFrame.from_ndarray(piece, "s16", "stereo")
            frame.rate = 48_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_media(root: Path, clips: int, size: int) -> None:
    """Write the files, every fourth a sound, and have the disk hold them alone."""
    for number in range(clips):
        if number % 4 == 3:
            write_sound(root / f"sound{number:02}.wav", size)
        else:
            write_movie(root / f"clip{number:02}.mov", size, is_fast_start=number % 2 == 0)
    for path in root.iterdir():
        with path.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_blocks() -> int:
    """Return the bytes that devices gave to this process and its children that ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(one).ru_inblock for one in who) * BLOCK_BYTES


def transcode_all(sessions: Sessions, folder: Path) -> int:
    """Make a rendition of every asset; return the bytes that were read from the disk for that."""
    configure_mounts({}, folder / "media")
    actor = Actor("benchmark", is_admin=True)
    with sessions() as session:
        assets = [one.id for one in session.query(Asset).all()]
    for asset_id in assets:
        transact(sessions, request_transcode, asset_id, None, "web", actor)
    before = read_blocks()
    by = TranscodeContext(BUILT_IN_PROFILES)
    while run_next_transcode(sessions, TIMING, by, lambda _task, _ids: None):
        continue
    return read_blocks() - before


def measure(sessions: Sessions, folder: Path, clips: int, size: int) -> bool:
    """Measure, and return whether the promises are kept."""
    root = folder / "watched"
    root.mkdir()
    write_media(root, clips, size)
    with sessions.begin() as session:
        settings = SETTINGS | {"local_keyframe_creation": False}
        session.add(Storage(name="bench", root=os.fsencode(root), settings=settings))
    (storage,) = load_watched_storages(sessions)
    watcher = StorageWatcher(storage, sessions, TIMING, Clock(), frozenset())
    watcher.open()
    settle(watcher, sessions)
    watcher.close()
    drain_media(sessions, PROBE_READING, TIMING, seconds=600)
    for path in root.iterdir():
        with path.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    read = transcode_all(sessions, folder)
    with sessions() as session:
        found = session.execute(COUNT_SUMS, {"large": LARGE_BYTES}).one()
    share, factor = found.summed / max(found.files, 1), read / float(found.size or 1)
    print(f"{found.summed} of {found.files} files above 10 MB have sums after transcodes ({share:.0%})")
    print(
        f"{read / MEGABYTE:.1f} MB read from the device for {float(found.size) / MEGABYTE:.1f} MB: {factor:.2f} times"
    )
    if not read:
        print("the folder is not on a disk, or its files were still in memory: nothing was measured")
    return share >= PROMISED_SHARE and factor <= PROMISED_FACTOR


def main() -> None:
    """Measure, and exit with 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--megabytes", type=int, default=12)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with own_folder(asked.folder) as folder, own_database(folder) as sessions:
        kept = measure(sessions, folder, asked.clips, asked.megabytes * MEGABYTE)
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
