"""How long the pure grouping takes, and what it holds in memory, by the shape of the folder.

`python -m benchmarks.grouping` prints for each shape the seconds for 100,000 names, for 1,000,000 names and their ratio
(the aim: at most 1 s and at most eleven times that), and the peak of memory above the names themselves (at most 500
bytes a name); then for each family of odd names the seconds for 100,000 and how often they contain those of one plain
sequence (at most six times). `python -m benchmarks.grouping 20000` measures smaller: 20,000 and 200,000 names.
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


def _odd(*endings: str, stem: str = "clip%06d") -> Shape:
    """Return a family of names: each stem with each of these endings."""

    def names(count: int) -> list[bytes]:
        stems = (stem % number for number in range(count // len(endings)))
        return [(each + ending).encode() for each in stems for ending in endings]

    return names


ODD_FAMILIES: dict[str, Shape] = {
    "captions": _odd(".mov", ".en.srt", ".de.forced.srt", ".directors notes.fr.srt"),
    "decomposed": _odd("e\u0301.mov", "\u00e9.en.srt", "\u00e9.de.forced.srt", "\u00e9.xml"),
    "eyes in any case": _odd("_Left.mov", "_right.mov"),
    "cameras": _odd("_camA.mov", "_CAM2.mov", " Camera 3.mov"),
    "tracks": _odd("_V1.mxf", "_A1.wav", "_a2.wav", "_Tr3_4.wav"),
    "renditions": _odd(".mov", " - 1080p.mp4", "_-_proxy_h264.mp4", "_proxy.en.srt"),
    "raw stills": _odd(".CR2", ".JPG", ".xmp", stem="IMG_%06d"),
    "live photos": _odd(".HEIC", ".MOV", ".AAE", stem="IMG_%05d"),
    "cut by Takeout": _odd(".jpg", ".json", stem="a name of more than forty-six characters %06d"),
    "flat cards": _odd(".MXF", "S01.MXF", "M01.XML", "T01.JPG", stem="C%05d"),
    "sub-frames": _odd(".00.exr", ".25.exr", ".50.exr", ".75.exr", stem="fx.%06d"),
    "two spellings": _odd("\u00e9.0001.exr", "\u00e9.0002.exr", "e\u0301.0003.exr"),
    "many dots": _odd(".mov", ".en.srt", stem="a.b.c.d.e.f.%06d"),
    "hidden": _odd(".mov.x8Ks9Q", stem=".take%06d"),
}

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
    plain = seconds(one_sequence(count))
    for name, family in ODD_FAMILIES.items():
        few = seconds(family(count))
        print(f"{name:<18}{'':>3}{few:>12.3f}{few / plain:>14.1f} times a plain sequence", flush=True)
    print(f"one frame more in a sequence of {count:,}: {one_more_frame(count) * 1000:.2f} ms")
    holes = Frames(range(0, count * 2, 2))
    start = time.perf_counter()
    holes.add([1]).to_text()
    print(f"one frame more in {count:,} runs: {(time.perf_counter() - start) * 1000:.2f} ms")


if __name__ == "__main__":
    main()
