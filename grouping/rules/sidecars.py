"""Sidecars: files that describe another by its whole name or its stem, and makers' own naming schemes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grouping.model.items import Single, folder_of
from grouping.model.units import Host
from grouping.rules.attachments import HostDirectory, candidate_names, strip_extension

_DARKTABLE_COPY = re.compile(rb"(.*)_\d\d(\.[^./]+)\.xmp", re.IGNORECASE | re.DOTALL)
"""`base_01.ext.xmp`: darktable's second edit of `base.ext`."""
_SONY_PART = re.compile(rb"(.+)(?:M\d\d\.xml|M\d\d\.klv|R\d\d\.bim|I\d\d\.ppn)", re.IGNORECASE | re.DOTALL)
"""`C0001M01.XML` belongs to `C0001.MP4`, also where the card's folders were lost."""
_GOPRO_LOW = re.compile(rb"((?:.*/)?G)L(\d{6})\.lrv", re.IGNORECASE | re.DOTALL)
"""`GL010777.LRV` is the small version of `GX010777.MP4` or `GH010777.MP4`."""


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
    """Yield the names that `attach_sidecars` will look up."""
    for single in sidecars:
        for name, _ in candidate_names(strip_extension(single.path), _candidate_folders(single.path, directory)):
            yield name
        yield from _makers_names(single.path)


def _candidate_folders(path: bytes, directory: HostDirectory) -> tuple[bytes, ...]:
    folder = folder_of(path)
    above = directory.above(folder)
    return (folder,) if above == folder else (folder, above)


def _host_of(path: bytes, directory: HostDirectory) -> Host | None:
    found = directory.find(strip_extension(path), _candidate_folders(path, directory))
    if found is not None:
        return found[0]
    for name in _makers_names(path):
        exact = directory.at(name)
        if exact is not None:
            return exact[0]
    return None


def _makers_names(path: bytes) -> list[bytes]:
    names: list[bytes] = []
    if match := _DARKTABLE_COPY.fullmatch(path):
        names.append(match[1] + match[2])
    if match := _SONY_PART.fullmatch(path):
        names.append(match[1])
    if match := _GOPRO_LOW.fullmatch(path):
        names.extend(match[1] + letter + match[2] for letter in (b"X", b"H"))
    return names
