"""Exchange histories with the reference implementation of ASC MHL, in an environment of its own: `make ascmhl`.

    python -m tests.ascmhl.exchange --reference build/ascmhl/bin/ascmhl [--packages 20]

Of ours, each of one to three generations with a rename and a later file, a copy is verified by the reference: by its
`verify`, by its `diff`, and by the next generation that it writes itself. Of its own, with other algorithms and
generations and renames, we say whether they are proven.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.one_more_file import own_database
from media.evidence.verdict import Answer, Level
from services.readiness.ready import ReadyQuestion, ask_ready
from services.readiness.seal import seal_folder
from tests.pipeline import Pipeline

NAMES = ("Clips/A001C001.mov", "Clips/A001C002 take 2.mov", "sound/A001.wav", "notes & <marks>.txt", "übung.mov")
ALGORITHMS = ("md5", "xxh64", "xxh128", "c4", "sha1")


def write_package(folder: Path, number: int) -> None:
    """Write a few files."""
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number} {name}".encode() * 100)


def write_ours(pipeline: Pipeline, number: int, copy: Path) -> None:
    """Seal a package of one to three generations, and copy it to where its history was written."""
    folder = pipeline.root / f"ours{number}"
    write_package(folder, number)
    for generation in range(1 + number % 3):
        if generation == 1:
            (folder / NAMES[0]).rename(folder / "Clips/renamed.mov")
        if generation == 2:
            (folder / "later.mov").write_bytes(b"later")
        pipeline.settle()
        seal_folder(pipeline.sessions, str(folder).encode(), copy, "exchange", "1", lambda: None)
    shutil.copytree(folder, copy, dirs_exist_ok=True)


def is_accepted(reference: str, copy: Path) -> bool:
    """Whether the reference verifies a copy with our history, and continues it."""
    return (
        _run(f"{reference}-debug", "verify", str(copy))
        and _run(reference, "diff", str(copy))
        and _run(reference, "create", "-h", "xxh128", str(copy))
    )


def write_theirs(reference: str, number: int, folder: Path) -> None:
    """Have the reference write one to three generations for a package, with a file renamed before each later one."""
    write_package(folder, number)
    for generation in range(1 + number % 3):
        if generation:
            (folder / NAMES[generation]).rename(folder / f"Clips/renamed{generation}.mov")
        _run(reference, "create", "-dr", "-h", ALGORITHMS[number % len(ALGORITHMS)], str(folder))


def is_proven(pipeline: Pipeline, folder: Path) -> bool:
    """Whether we call a watched folder proven by the history that it has."""
    answer = ask_ready(pipeline.sessions, ReadyQuestion(str(folder).encode(), Level.CONTENT, reads=True))
    if answer.verdict.answer is not Answer.PROVEN:
        print(folder, answer.verdict.aspects)
    return answer.verdict.answer is Answer.PROVEN


def exchange(pipeline: Pipeline, reference: str, count: int, copies: Path) -> tuple[int, int]:
    """Return how many of our histories the reference accepts, and how many of its own we call proven."""
    ours = 0
    for number in range(count):
        write_ours(pipeline, number, copies / f"copy{number}")
        ours += is_accepted(reference, copies / f"copy{number}")
        write_theirs(reference, number, pipeline.root / f"theirs{number}")
    pipeline.settle()
    return ours, sum(is_proven(pipeline, pipeline.root / f"theirs{number}") for number in range(count))


def _run(program: str, *words: str) -> bool:
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{program} {' '.join(words)}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return done.returncode == 0


def main() -> None:
    """Exchange, and exit with 1 if one history is refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--packages", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "watched"
        root.mkdir()
        with own_database(folder) as sessions:
            pipeline = Pipeline(root, sessions)
            pipeline.add_storage()
            ours, theirs = exchange(pipeline, asked.reference, asked.packages, folder)
            pipeline.watch().close()
    print(f"the reference accepts {ours} of {asked.packages} histories of ours; we prove {theirs} of its own")
    raise SystemExit(0 if ours == theirs == asked.packages else 1)


if __name__ == "__main__":
    main()
