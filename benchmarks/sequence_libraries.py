"""The time to group the names of a thousand image sequences, against fileseq in the same run.

    python -m benchmarks.sequence_libraries [--names 100000]

fileseq finds sequences in a list of names. Ours finds the same ones, and besides that their eyes, cameras, captions,
renditions and sidecars, of which there are none in this list.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

from fileseq import findSequencesInList

from benchmarks.grouping import one_folder
from grouping import group_tree

ROUNDS = 3


def measure_best(call: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of three calls."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=100_000)
    names = one_folder(parser.parse_args().names)
    texts = [os.fsdecode(name) for name in names]
    assets, sequences = group_tree(names).assets, findSequencesInList(texts)
    print(f"{len(names):,} names: {len(assets):,} assets of ours, {len(sequences):,} sequences of fileseq")
    ours, theirs = measure_best(lambda: group_tree(names)), measure_best(lambda: findSequencesInList(texts))
    print(f"ours {ours:.2f} s, fileseq {theirs:.2f} s; ours / fileseq = {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
