"""Sidecars: files that describe another by its whole name or its stem, and makers' own naming schemes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grouping.model.extensions import RAW_EXTENSIONS
from grouping.model.items import Single, folder_of
from grouping.model.units import Host
from grouping.rules.attachments import HostDirectory, candidate_names, strip_extension

_MAKERS_PATTERNS: tuple[tuple[bytes, bytes, tuple[bytes, ...]], ...] = (
    # darktable's second edit of `base.ext`
    (b"xmp", rb"(.*)_\d\d(\.[^./]+)", (rb"\1\2",)),
    # `C0001M01.XML` belongs to `C0001.MP4`, also where the card's folders were lost
    (b"xml xmp klv", rb"(.+)M\d\d", (rb"\1",)),
    (b"bim", rb"(.+)R\d\d", (rb"\1",)),
    (b"ppn", rb"(.+)I\d\d", (rb"\1",)),
    (b"smi", rb"(.+)C\d\d", (rb"\1",)),
    # `GL010777.LRV` is the small version of `GX010777.MP4` or `GH010777.MP4`
    (b"lrv", rb"((?:.*/)?G)L(\d{6})", (rb"\1X\2", rb"\1H\2")),
    (b"lrv", rb"((?:.*/)?(?:PRO_)?)LRV(_\d{8}_\d{6}_)\d\d(_\d+)", (rb"\1VID\g<2>00\3",)),
    # iOS: the edits of the original of an edited picture
    (b"aae", rb"((?:.*/)?IMG_)O(\d{4,5})", (rb"\1\2", rb"\1E\2")),
)
"""Extensions, pattern of the path before them, and the names by which makers refer to the file."""

_MAKERS_NAMES: dict[bytes, list[tuple[re.Pattern[bytes], tuple[bytes, ...]]]] = {}
for _extensions, _pattern, _names in _MAKERS_PATTERNS:
    for _extension in _extensions.split():
        _compiled = re.compile(_pattern, re.IGNORECASE | re.DOTALL)
        _MAKERS_NAMES.setdefault(_extension, []).append((_compiled, _names))

_TAKEOUT_COPY = re.compile(rb"(.*?)(\.[^./()]+)(?:\.s[a-z-]*)?(\(\d+\))\.json", re.IGNORECASE | re.DOTALL)
"""Google Takeout moves the number of a copy behind the extension: `a.jpg(1).json` belongs to `a(1).jpg` alone."""

_STILL_SIDECARS = frozenset(b"aae acr arp comask cop cos cot dop nksc on1 pp3".split())
"""Settings of photograph editors: they belong to the still, even beside a movie of the same stem."""


def attach_sidecars(sidecars: list[Single], directory: HostDirectory) -> list[Single]:
    """Attach each sidecar to the asset it names; return those without one."""
    waiting: list[Single] = []
    for single in sidecars:
        host = _host_of(single.path, directory)
        if host is None:
            waiting.append(single)
        else:
            host.sidecars.append(single)
    return waiting


def names_wanted_by_sidecars(sidecars: list[Single], directory: HostDirectory) -> Iterator[bytes]:
    """Yield the folded names that `attach_sidecars` will look up."""
    for single in sidecars:
        yield from _names_of(directory.fold(single.path), directory)


def _names_of(path: bytes, directory: HostDirectory) -> Iterator[bytes]:
    """Yield the names by which a sidecar of a folded path is looked up, the most certain first."""
    is_json = path[-5:].lower() == b".json"
    if is_json and (copy := _TAKEOUT_COPY.fullmatch(path)) is not None:
        yield copy[1] + copy[3] + copy[2]
        return
    folder = folder_of(path)
    above = directory.above(folder)
    stem = strip_extension(path)
    for name, _ in candidate_names(stem, (folder,) if above == folder else (folder, above)):
        yield name
    for pattern, names in _MAKERS_NAMES.get(path[len(stem) + 1 :].lower(), ()):
        if match := pattern.fullmatch(stem):
            yield from (directory.fold(match.expand(name)) for name in names)
    if is_json:
        yield path[:-5] + b"\0"


def _host_of(path: bytes, directory: HostDirectory) -> Host | None:
    extension = path[path.rfind(b".") + 1 :].lower()
    for name in _names_of(directory.fold(path), directory):
        still = directory.still_at(name)
        if still is not None and (
            extension in _STILL_SIDECARS or (extension == b"xmp" and still[1].extension in RAW_EXTENSIONS)
        ):
            return still[0]
        exact = directory.at(name)
        if exact is not None:
            return exact[0]
    return None
