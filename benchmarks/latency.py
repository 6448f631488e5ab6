"""One finished file after another comes into a running system: seconds until a search finds each.

    python -m benchmarks.latency [--files 100] [--assets 4000] [--folder DIR]

The system has some thousand assets already. Each file is written outside and renamed into place, by turns into a folder
of its own kind and into one that holds some hundred files; it is stable when its storage's time after a close has
passed (`close_seconds`, 1 s). From then on the clock runs, until the search engine answers its name with it.

Promised: at most one second for 95 of 100.
"""

import argparse
import math
import random
import statistics
import time
from pathlib import Path

from benchmarks.stage.production import CONTENT, letters, write_production
from benchmarks.stage.system import RunningSystem, own_folder, running_system, wait_until
from search.engine import SearchEngine
from search.query.criteria import Visibility, parse_criteria

FOUND_SECONDS = 60.0
LOOK_SECONDS = 0.01
SHARE, PROMISED_SECONDS = 0.95, 1.0
EVERYTHING = Visibility(everything=True)


def is_found(engine: SearchEngine, name: str) -> bool:
    """Whether a search for the name gives its one asset."""
    return engine.search(parse_criteria({"query": name}), EVERYTHING).total == 1


def seconds_to_search(system: RunningSystem, outside: Path, target: Path) -> float:
    """Move one finished file into place; seconds from the moment that it is stable until it is found."""
    waiting = outside / target.name
    waiting.write_bytes(CONTENT)
    waiting.rename(target)
    stable = time.monotonic() + system.context.timing.close_seconds
    wait_until(
        lambda: is_found(system.context.engine, target.stem), f"{target.name} is found", FOUND_SECONDS, LOOK_SECONDS
    )
    return time.monotonic() - stable


def measure(system: RunningSystem, outside: Path, targets: list[Path], files: int) -> list[float]:
    """Seconds of each file, in order; `outside` is on the same file system, `targets` take turns."""
    # The same pauses in every run, and none in step with the watcher's own rhythm.
    pauses = random.Random(files)
    took = []
    for number in range(files):
        target = targets[number % len(targets)] / f"arrival_{letters(number)}.mov"
        took.append(seconds_to_search(system, outside, target))
        time.sleep(pauses.uniform(0.0, 1.0))
    return took


def report(took: list[float]) -> None:
    """Print what is promised."""
    late = percentile(took, SHARE)
    print(f"{len(took)} files, from stable to found: median {statistics.median(took):.2f} s, slowest {max(took):.2f} s")
    print(f"95 of 100 within {late:.2f} s (promise: at most {PROMISED_SECONDS:g}); ratio {late / PROMISED_SECONDS:.2f}")


def percentile(values: list[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--assets", type=int, default=4_000, help="assets that are there before; a multiple of twenty")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder:
        inbox, outside = folder / "root" / "inbox", folder / "outside"
        production = write_production(folder / "root" / "production", options.assets)
        inbox.mkdir()
        outside.mkdir()
        targets = [target for full in sorted(production.root.glob("*/*")) for target in (inbox, full)]
        with running_system(folder) as system:
            print(f"{system.progress().documents:,} assets are there", flush=True)
            report(measure(system, outside, targets, options.files))


if __name__ == "__main__":
    main()
