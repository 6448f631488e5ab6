"""How long the pure grouping takes, and what it holds in memory, by the shape of the folder.

`python -m benchmarks.grouping` prints for each shape the seconds for 100,000 names, for 1,000,000 names and their ratio
(the aim: at most 1 s and at most eleven times that), and the peak of memory above the names themselves (at most 500
bytes a name). `python -m benchmarks.grouping 20000` measures smaller: 20,000 and 200,000 names.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable

from grouping import Frames, bucket_paths, group_items, group_tree
from grouping.model.items import NumberedBucket

Shape = Callable[[int], list[bytes]]


def one_folder(count: int) -> list[bytes]:
    """A thousand sequences in one folder."""
    frames = max(count // 1000, 1)
    return [b"sh%04d_comp_v001.%04d.exr" % (shot, 1001 + f) for shot in range(1000) for f in range(frames)]


def thousand_folders(count: int) -> list[bytes]:
    """A thousand folders with a sequence each."""
    frames = max(count // 1000, 1)
    return [b"show/sh%04d/comp.%04d.exr" % (shot, 1001 + f) for shot in range(1000) for f in range(frames)]


def one_sequence(count: int) -> list[bytes]:
    """One sequence."""
    return [b"scan/reel1.%07d.dpx" % frame for frame in range(count)]


def unnumbered(count: int) -> list[bytes]:
    """Videos without a number at their end."""
    return [b"rushes/take%06d_final.mov" % number for number in range(count)]


def photographs(count: int) -> list[bytes]:
    """Photographs as a camera names them."""
    return [b"DCIM/%03dCANON/IMG_%04d.JPG" % (100 + n // 9999 % 900, n % 9999 + 1) for n in range(count)]


def folder_each(count: int) -> list[bytes]:
    """Every file in a folder of its own."""
    return [b"delivery/%06d/master.mov" % number for number in range(count)]


def production(count: int) -> list[bytes]:
    """Clips with captions, sound, a rendition, a sidecar and a sequence."""
    names: list[bytes] = []
    for clip in range(max(count // 10, 1)):
        stem = b"day%03d/clip%05d" % (clip // 500, clip)
        names += [stem + end for end in (b".mov", b".de.srt", b".en.srt", b".wav", b"_proxy.mp4", b".xml")]
        names += [stem + b"_plate.%04d.exr" % frame for frame in range(4)]
    return names


SHAPES: tuple[Shape, ...] = (
    *(one_folder, thousand_folders, one_sequence, unnumbered, photographs, folder_each, production),
)


def seconds(names: list[bytes]) -> float:
    """The best of three runs for small, of one for large lists."""
    best = float("inf")
    for _ in range(3 if len(names) <= 200_000 else 1):
        gc.collect()
        start = time.perf_counter()
        group_tree(names)
        best = min(best, time.perf_counter() - start)
    return best


def bytes_a_name(names: list[bytes]) -> tuple[float, float]:
    """Peak and kept memory above the names, a name."""
    gc.collect()
    tracemalloc.start()
    tree = group_tree(names)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del tree
    return peak / len(names), kept / len(names)


def one_more_frame(count: int) -> float:
    """Seconds to regroup a sequence of `count` frames by its summary after one more came."""
    (bucket,) = bucket_paths(one_sequence(count))
    assert isinstance(bucket, NumberedBucket)
    start = time.perf_counter()
    group_items([bucket.add(0, [count])])
    return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"{'shape':<18}{'':>3}{f'{count:,} s':>12}{f'{count * 10:,} s':>14}{'ratio':>8}{'peak B':>9}{'kept B':>9}")
    for shape in SHAPES:
        small, large = shape(count), shape(count * 10)
        few, many = seconds(small), seconds(large)
        peak, kept = bytes_a_name(small)
        line = f"{shape.__name__:<18}{'':>3}{few:>12.3f}{many:>14.3f}{many / few:>8.1f}{peak:>9.0f}{kept:>9.0f}"
        print(line, flush=True)
    print(f"one frame more in a sequence of {count:,}: {one_more_frame(count) * 1000:.2f} ms")
    holes = Frames(range(0, count * 2, 2))
    start = time.perf_counter()
    holes.add([1]).to_text()
    print(f"one frame more in {count:,} runs: {(time.perf_counter() - start) * 1000:.2f} ms")


if __name__ == "__main__":
    main()
