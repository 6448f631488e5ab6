"""Optional joins of a profile: parts of one recording, versions of one work."""

from __future__ import annotations

import re
from collections import deque

from grouping.model.items import path_in_folder
from grouping.model.units import Host, Unit, UnitPart, join_around_token

_PART = re.compile(rb"(?<![^ ._-])(?:part|pt|cd|disc|disk|dvd)[ ._-]?(\d{1,3})(?![^ ._-])", re.IGNORECASE)
_VERSION = re.compile(rb"[ ._-]v(\d{1,6})(?![^ ._-])", re.IGNORECASE)


def join_parts(units: list[Unit]) -> list[Unit]:
    """Return the units with `part1` and `part2` (or `cd1` and `cd2`) of one name and container joined."""
    left: list[Unit] = []
    found: dict[tuple[bytes, bytes, bytes, bytes], dict[int, Unit]] = {}
    for unit in units:
        match = _PART.search(unit.stem) if unit.kind == "single" else None
        if match is None:
            left.append(unit)
            continue
        key = (unit.folder, unit.stem[: match.start()], unit.stem[match.end() :], unit.extension)
        kept = found.setdefault(key, {}).setdefault(int(match[1]), unit)
        if kept is not unit:
            left.append(unit)
    for (folder, before, after, extension), parts in found.items():
        ordered = [parts[number] for number in sorted(parts)]
        if len(ordered) < 2:
            left.extend(ordered)
            continue
        members = tuple(member for unit in ordered for part in unit.parts for member in part.members)
        whole = [UnitPart("", members, ordered[0].parts[0].component)]
        aliases = [unit.key_path for unit in ordered]
        first = min(unit.first for unit in ordered)
        left.append(
            Unit(folder, join_around_token(before, after), extension, "single", whole, first, "parts by name", aliases)
        )
    return left


def join_versions(hosts: list[Host]) -> list[Host]:
    """Return the hosts with all versions of one name joined into one asset, the latest version first."""
    left: list[Host] = []
    found: dict[bytes, list[tuple[int, Host]]] = {}
    for host in hosts:
        stem = host.title if host.title is not None else host.original.stem
        tokens = deque(_VERSION.finditer(stem), maxlen=1)
        if not tokens:
            left.append(host)
            continue
        match = tokens[0]
        key = path_in_folder(host.original.folder, stem[: match.start()] + b"\0" + stem[match.end() :])
        found.setdefault(key, []).append((int(match[1]), host))
    for key, versions in found.items():
        versions.sort(key=lambda version: (-version[0], version[1].original.first))
        latest = versions[0][1]
        for _, older in versions[1:]:
            latest.versions.append(older.original)
            latest.transcodes.extend(older.transcodes)
            latest.sidecars.extend(older.sidecars)
        if len(versions) > 1:
            latest.title = key[key.rfind(b"/") + 1 :].replace(b"\0", b"")
        left.append(latest)
    return left
