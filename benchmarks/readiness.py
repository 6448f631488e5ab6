"""Whether a folder is whole, from rows; and what another program says of the histories that `seal` writes.

    python -m benchmarks.readiness [--files 100000] [--reference /path/to/ascmhl] [--packages 20] [--folder DIR]

A folder of that many files with a list of their sums is watched and read once; what is timed is the next answer.
Promised: 2 s for 100,000 files. With `--reference`, the reference implementation of ASC MHL verifies copies with
histories of one to three generations of ours, and we verify histories of its own.
"""

import argparse
import hashlib
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.one_more_file import SETTINGS, TIMING, own_database, settle
from benchmarks.stage.system import own_folder
from media.evidence.verdict import Answer, Level
from models.catalog.storage import Storage
from models.core.sessions import Sessions
from services.readiness.ready import ReadyQuestion, ask_ready
from services.readiness.seal import seal_folder
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher

PROMISED_SECONDS_OF_ANSWER = 2.0
MEASURED_ANSWERS = 3
NAMES = ("Clips/A001C001.mov", "Clips/A001C002 take 2.mov", "sound/A001.wav", "notes & <marks>.txt", "übung.mov")


def make_watcher(sessions: Sessions, root: Path) -> StorageWatcher:
    """Watch a new storage."""
    with sessions.begin() as session:
        session.add(Storage(name=root.name, root=str(root).encode(), settings=SETTINGS))
    (storage,) = load_watched_storages(sessions)
    watcher = StorageWatcher(storage, sessions, TIMING, Clock(), frozenset())
    watcher.open()
    return watcher


def measure_answers(sessions: Sessions, watcher: StorageWatcher, root: Path, count: int) -> bool:
    """Measure the answer for a folder of many files with a list."""
    folder = root / "many"
    folder.mkdir()
    lines = []
    for number in range(count):
        content = str(number).encode()
        (folder / f"frame.{number:07}.exr").write_bytes(content)
        lines.append(f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  frame.{number:07}.exr\n")
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
    print(f"{count:,} files answered from rows in {best:.2f} s ({', '.join(f'{one:.2f}' for one in took)})")
    return answer.verdict.answer is Answer.PROVEN and best <= PROMISED_SECONDS_OF_ANSWER


def run_reference(reference: str, *words: str) -> bool:
    """Run a command of the reference, and print what it says where it fails."""
    done = subprocess.run([reference, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"ascmhl {' '.join(words)}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return done.returncode == 0


def exchange_histories(sessions: Sessions, watcher: StorageWatcher, root: Path, reference: str, count: int) -> bool:
    """Have the reference verify our histories on copies, and verify its own."""
    ours = theirs = 0
    for number in range(count):
        folder, copy = root / f"ours{number}", root.parent / f"copy{number}"
        write_package(folder, number)
        for generation in range(1 + number % 3):
            if generation == 1:
                (folder / NAMES[0]).rename(folder / "Clips/renamed.mov")
            if generation == 2:
                (folder / "later.mov").write_bytes(b"later")
            watcher.scan_now()
            settle(watcher, sessions)
            seal_folder(sessions, str(folder).encode(), copy, "benchmark", "1", lambda: None)
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        ours += (
            run_reference(f"{reference}-debug", "verify", str(copy))
            and run_reference(reference, "diff", str(copy))
            and run_reference(reference, "create", "-h", "xxh128", str(copy))
        )
        other = root / f"theirs{number}"
        write_package(other, number)
        for _ in range(1 + number % 3):
            run_reference(reference, "create", "-h", ("md5", "xxh64", "xxh128", "c4", "sha1")[number % 5], str(other))
    watcher.scan_now()
    settle(watcher, sessions)
    for number in range(count):
        path = str(root / f"theirs{number}").encode()
        answer = ask_ready(sessions, ReadyQuestion(path, Level.CONTENT, reads=True))
        theirs += answer.verdict.answer is Answer.PROVEN
        if answer.verdict.answer is not Answer.PROVEN:
            print(path, answer.verdict.aspects)
    print(f"the reference accepts {ours} of {count} histories of ours; we prove {theirs} of {count} of its own")
    return ours == theirs == count


def write_package(folder: Path, number: int) -> None:
    """Write a few files."""
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number} {name}".encode() * 100)


def main() -> None:
    """Measure, and exit with 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--reference", help="the program ascmhl, in an environment of its own")
    parser.add_argument("--packages", type=int, default=20)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with own_folder(asked.folder) as folder, own_database(folder) as sessions:
        root = folder / "watched"
        root.mkdir()
        watcher = make_watcher(sessions, root)
        try:
            kept = not asked.reference or exchange_histories(sessions, watcher, root, asked.reference, asked.packages)
            kept = (not asked.files or measure_answers(sessions, watcher, root, asked.files)) and kept
        finally:
            watcher.close()
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
