"""Tables of names: an expectation is the complete answer, and the names to group are those that it contains.

One line is one asset: `title = kind: file, file | transcode: file | sidecars: file`, and a line that begins with `|`
continues the one above. A title of `?` is not compared; `name.[1001-1006].exr` means six files. A line
 `ignored: file, file` states what is ignored.
"""

from __future__ import annotations

import random
import re

from grouping import DEFAULT_PROFILE, Profile, group_tree
from grouping.render import displayed_kind

_RANGE = re.compile(r"(.*)\[(-?\d+)-(\d+)(?:x(\d+))?\](.*)")

Format = tuple[str, tuple[str, ...]]
Asset = tuple[tuple[Format, ...], tuple[str, ...]]


def expand(text: str) -> list[str]:
    """The files of a comma-separated list, ranges written out."""
    files = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        match = _RANGE.fullmatch(name)
        if match is None:
            files.append(name)
            continue
        before, first, last, step, after = match.groups()
        width = len(first.lstrip("-")) if first.lstrip("-").startswith("0") or len(first) == len(last) else 0
        for frame in range(int(first), int(last) + 1, int(step or 1)):
            sign = "-" if frame < 0 else ""
            files.append(f"{before}{sign}{abs(frame):0{width}d}{after}")
    return files


def read_table(text: str) -> tuple[list[tuple[str, Asset]], list[str]]:
    """The assets of a table with their titles, and the ignored files."""
    assets, ignored = [], []
    for line in filter(None, (line.strip() for line in re.sub(r"\n\s*([|,])", r" \1", text).splitlines())):
        if line.startswith("ignored:"):
            ignored.extend(expand(line.removeprefix("ignored:")))
            continue
        title, _, rest = line.partition(" = ")
        formats, sidecars = [], []
        for part in rest.split(" | "):
            kind, _, files = part.partition(": ")
            if kind == "sidecars":
                sidecars.extend(expand(files))
            else:
                formats.append((kind, tuple(sorted(expand(files), key=str.encode))))
        assets.append((title, (tuple(formats), tuple(sorted(sidecars, key=str.encode)))))
    return assets, sorted(ignored, key=str.encode)


def files_of(assets: list[tuple[str, Asset]], ignored: list[str]) -> list[str]:
    """Every file that a table names."""
    files = [name for _, (formats, sidecars) in assets for _, names in (*formats, ("", sidecars)) for name in names]
    return files + ignored


def answer(files: list[str], profile: Profile = DEFAULT_PROFILE) -> tuple[list[tuple[str, Asset]], list[str]]:
    """What grouping says, in the table's form."""
    tree = group_tree([name.encode() for name in files], profile)
    assets = []
    for asset in tree.assets:
        formats = tuple(
            (displayed_kind(plan), tuple(path.decode() for path in sorted(plan.paths())))
            for plan in asset.formats
            if plan.role != "sidecar"
        )
        sidecars = sorted(path for plan in asset.formats if plan.role == "sidecar" for path in plan.paths())
        assets.append((asset.title, (formats, tuple(path.decode() for path in sidecars))))
    return assets, [path.decode() for path in tree.ignored]


def check(text: str, profile: Profile = DEFAULT_PROFILE) -> None:
    """Group the names of a table in several orders and compare the whole answer."""
    wanted, wanted_ignored = read_table(text)
    files = files_of(wanted, wanted_ignored)
    assert len(files) == len(set(files)), "a table names a file twice"
    for seed in range(3):
        random.Random(seed).shuffle(files)
        assets, ignored = answer(files, profile)
        titles = {formats_and_sidecars: title for title, formats_and_sidecars in wanted}
        shown = [(title if titles.get(rest) != "?" else "?", rest) for title, rest in assets]
        assert sorted(shown) == sorted(wanted)
        assert ignored == wanted_ignored
