"""Whether a folder is whole, from rows: of very many files, and of a card while it arrives.

    python -m benchmarks.readiness [--files 100000] [--lists 10000] [--clips 200] [--folder DIR]

A folder of that many files with a list of their sums is watched and read once; what is timed is the next answer. So is
a folder of that many files with a list each. A card of that many clips arrives in parts; what is timed is each answer
once a part is stable and read, and the job that judges the card without being asked. Promised: 2 s for 100,000 files,
for 10,000 lists, and for a card of 200 clips. Copies of all files are counted, too.
"""

import argparse
import hashlib
import shutil
import time
from pathlib import Path

from sqlalchemy import text

from benchmarks.one_more_file import SETTINGS, TIMING, own_database, settle
from benchmarks.stage.system import own_folder
from media.demo.drawing import Scene, ball_runs
from media.demo.encoding import DEMO_H264
from media.demo.production import render_clip
from media.evidence.verdict import Answer, Level
from models.catalog.storage import Storage
from models.core.sessions import Sessions, transact
from services.media.drain import drain_media
from services.media.probe import PROBE_READING
from services.readiness.arrivals import ARRIVAL_JOBS, create_arrival_jobs
from services.readiness.copy_count import count_copies
from services.readiness.ready import ReadyQuestion, ask_ready
from services.readiness.sign_off import list_readiness_reports
from services.sidecars.reader import SIDECAR_READING
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher

PROMISED_SECONDS_OF_ANSWER = 2.0
PROMISED_SECONDS_OF_COUNT = 5.0
MEASURED_ANSWERS = 3
PARTS_OF_CARD = 4
SCENE = Scene(ball_runs(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))
GIVE_SUMS = text("""
    INSERT INTO file_digest (file_id, algorithm, digest, size, mtime_ns, proven_by)
    SELECT id, 'xxh128', md5(CAST(id AS text)), size, mtime_ns, 'benchmark' FROM file ON CONFLICT DO NOTHING
""")


def make_watcher(sessions: Sessions, root: Path) -> StorageWatcher:
    """Watch a new storage."""
    with sessions.begin() as session:
        settings = {**SETTINGS, "check_arrivals": True, "local_keyframe_creation": False}
        session.add(Storage(name=root.name, root=str(root).encode(), settings=settings))
    (storage,) = load_watched_storages(sessions)
    watcher = StorageWatcher(storage, sessions, TIMING, Clock(), frozenset())
    watcher.open()
    return watcher


def measure_answers(
    sessions: Sessions, watcher: StorageWatcher, root: Path, count: int, *, has_own_lists: bool = False
) -> bool:
    """Measure the answer for a folder of many files with one list, or with a list for each."""
    folder = root / ("listed" if has_own_lists else "many")
    folder.mkdir()
    lines = []
    for number in range(count):
        content, name = str(number).encode(), f"frame.{number:07}.exr"
        (folder / name).write_bytes(content)
        line = f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  {name}\n"
        if has_own_lists:
            (folder / f"{name}.md5").write_text(line)
        else:
            lines.append(line)
    if lines:
        (folder / "frames.md5").write_text("".join(lines))
    watcher.scan_now()
    settle(watcher, sessions)
    answer = ask_ready(sessions, ReadyQuestion(str(folder).encode(), reads=True))
    print(f"{count:,} files read once: {answer.verdict.answer}", flush=True)
    took = []
    for _ in range(MEASURED_ANSWERS):
        start = time.perf_counter()
        answer = ask_ready(sessions, ReadyQuestion(str(folder).encode()))
        took.append(time.perf_counter() - start)
    best = min(took)
    lists = "a list each" if has_own_lists else "one list"
    print(f"{count:,} files with {lists}: {best:.2f} s ({', '.join(f'{one:.2f}' for one in took)})")
    # Lists of one file each do not state that there are no other files.
    wanted = Answer.NOT_PROVABLE if has_own_lists else Answer.PROVEN
    return answer.verdict.answer is wanted and best <= PROMISED_SECONDS_OF_ANSWER


def measure_copies(sessions: Sessions) -> bool:
    """Measure how long counting the copies of all files takes, each of which has a sum."""
    start = time.perf_counter()
    with sessions.begin() as session:
        session.execute(GIVE_SUMS)
    transact(sessions, count_copies)
    first = time.perf_counter() - start
    start = time.perf_counter()
    transact(sessions, count_copies)
    again = time.perf_counter() - start
    print(f"copies counted in {first:.2f} s with the sums, again in {again:.2f} s")
    return again <= PROMISED_SECONDS_OF_COUNT


def write_card(root: Path, clips: int) -> tuple[list[Path], Path]:
    """Write the files of a Sony card beside the watched folder; return them, and where they belong."""
    content = render_clip(DEMO_H264, SCENE, 440)
    card, source = root / "A7/PRIVATE/M4ROOT", root.parent / "card"
    said = ""
    names = []
    for number in range(clips):
        clip = f"C{number + 1:04}"
        files = {f"CLIP/{clip}.MP4": content, f"CLIP/{clip}M01.XML": b"<m/>", f"THMBNL/{clip}T01.JPG": b"thumb"}
        for name, one in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(one)
            names.append(Path(name))
        beside = "".join(f'<RelevantInfo uri="./{name}"/>' for name in list(files)[1:])
        said += f'<Material uri="./CLIP/{clip}.MP4" fps="24p" dur="48">{beside}</Material>'
    space = "http://xmlns.sony.net/pro/metadata/mediaprofile"
    (source / "MEDIAPRO.XML").write_text(f'<MediaProfile xmlns="{space}"><Contents>{said}</Contents></MediaProfile>')
    return [Path("MEDIAPRO.XML"), *names], card


def measure_card(sessions: Sessions, watcher: StorageWatcher, root: Path, clips: int) -> bool:
    """Measure the answers for a card while it arrives in four parts, and how soon the last file is part of one."""
    names, card = write_card(root, clips)
    took, answer = [], None
    for part in range(PARTS_OF_CARD):
        for name in names[part::PARTS_OF_CARD]:
            (card / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root.parent / "card" / name, card / name)
        watcher.scan_now()
        settle(watcher, sessions)
        with sessions.begin() as session:
            session.execute(text("UPDATE media_work SET not_before = now()"))
        for reading in (PROBE_READING, SIDECAR_READING):
            drain_media(sessions, reading, TIMING, seconds=600)
        start = time.perf_counter()
        answer = ask_ready(sessions, ReadyQuestion(str(root / "A7").encode(), Level.COMPLETE)).verdict.answer
        took.append(time.perf_counter() - start)
        print(f"{part + 1} of {PARTS_OF_CARD} parts of the card: {answer} in {took[-1]:.2f} s", flush=True)
    jobs = transact(sessions, lambda session: [job.id for job in create_arrival_jobs(session)])
    start = time.perf_counter()
    ARRIVAL_JOBS.run(sessions, jobs, TIMING)
    took.append(time.perf_counter() - start)
    with sessions() as session:
        announced = [one.answer for one in list_readiness_reports(session)]
    print(f"judged as it arrived: {', '.join(announced)} in {took[-1]:.2f} s")
    return answer is Answer.PROVEN and announced == ["proven"] and max(took) <= PROMISED_SECONDS_OF_ANSWER


def main() -> None:
    """Measure, and exit with 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--lists", type=int, default=10_000)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with own_folder(asked.folder) as folder, own_database(folder) as sessions:
        root = folder / "watched"
        root.mkdir()
        watcher = make_watcher(sessions, root)
        try:
            kept = not asked.clips or measure_card(sessions, watcher, root, asked.clips)
            kept = (not asked.files or measure_answers(sessions, watcher, root, asked.files)) and kept
            if asked.lists:
                kept = measure_answers(sessions, watcher, root, asked.lists, has_own_lists=True) and kept
            kept = measure_copies(sessions) and kept
        finally:
            watcher.close()
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
