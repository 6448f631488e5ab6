"""Invariants 1 and 2, checked from the disk: every file there is in one asset, and the assets are what a grouping of
the names from scratch gives. Nothing of the product but the pure grouping function is asked."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from grouping import Profile, group_tree

IGNORED_ENDS = (b".part", b".tmp")
IGNORED_NAMES = (b".DS_Store",)
LATEST_NS = 2**63 - 1
"""The last moment that a row holds, in 2262; later ones are stored as this."""
LIVING = ("CLOSED", "REDISCOVERED")
GONE = ("MISSING", "DELETED")

SELECT_FILES = text("""
    WITH RECURSIVE place AS (
        SELECT folder.id, ''::bytea AS path, island_id FROM folder JOIN storage ON storage.id = storage_id
        WHERE parent_id IS NULL AND storage.root = :root
        UNION ALL
        SELECT folder.id, place.path || '\\x2f'::bytea || folder.name, folder.island_id
        FROM folder JOIN place ON place.id = folder.parent_id
    )
    SELECT place.path, file.name, size, mtime_ns, file.status, place.island_id, asset.id AS asset_id,
        format.role, format.structure, asset.status AS asset_status, asset.merged_into,
        pin.file_id IS NOT NULL AS pinned, coalesce(island.wait_until > now(), false) AS waits
    FROM file JOIN place ON place.id = file.folder_id
    LEFT JOIN island ON island.id = place.island_id
    LEFT JOIN file_set_file AS member ON member.file_id = file.id
    LEFT JOIN file_set ON file_set.id = member.file_set_id
    LEFT JOIN format ON format.id = file_set.format_id
    LEFT JOIN asset ON asset.id = file_set.asset_id
    LEFT JOIN pin ON pin.file_id = file.id
""")

Stamp = tuple[int, int]
Group = frozenset[tuple[str, str, bytes]]
"""One asset: role, structure and path of every file."""


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A row of the database as the disk is compared with it."""

    path: bytes
    row: Row[Any]

    @property
    def stamp(self) -> Stamp:
        return self.row.size, self.row.mtime_ns

    @property
    def is_there(self) -> bool:
        return self.row.status not in GONE


def walk_disk(root: Path) -> tuple[dict[bytes, Stamp], list[bytes]]:
    """Return every regular file below the root that is not ignored, and the folders that cannot be read."""
    found: dict[bytes, Stamp] = {}
    unreadable: list[bytes] = []
    start = os.fsencode(root)

    def note(error: OSError) -> None:
        unreadable.append(os.path.relpath(os.fsencode(error.filename), start))

    for folder, _, names in os.walk(start, onerror=note):
        for name in names:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            if os.path.isfile(path) and not os.path.islink(path) and not is_ignored(name):
                found[os.path.relpath(path, start)] = state.st_size, min(state.st_mtime_ns, LATEST_NS)
    return found, unreadable


def is_ignored(name: bytes) -> bool:
    """Whether the production writes files of this name to be ignored."""
    return name in IGNORED_NAMES or name.endswith(IGNORED_ENDS)


def read_rows(session: Session, root: Path) -> dict[bytes, DiskFile]:
    """Return the recorded files by path; of several rows of one path, the one that is there."""
    rows: dict[bytes, DiskFile] = {}
    for row in session.execute(SELECT_FILES, {"root": os.fsencode(root)}):
        path = (bytes(row.path) + b"/" + bytes(row.name)).lstrip(b"/")
        if path not in rows or not rows[path].is_there:
            rows[path] = DiskFile(path, row)
    return rows


def check_disk(session: Session, root: Path, deleted: frozenset[str]) -> Iterator[str]:
    """Yield what violates invariants 1 and 2. `deleted` are assets that a client may have deleted."""
    there, _ = walk_disk(root)
    rows = read_rows(session, root)
    yield from check_files(there, rows, deleted)
    yield from check_groups(there, rows)


def check_files(there: dict[bytes, Stamp], rows: dict[bytes, DiskFile], deleted: frozenset[str]) -> Iterator[str]:
    """Compare every file with its row, and every row with its file."""
    for path, stamp in sorted(there.items()):
        found = rows.get(path)
        if found is None or not found.is_there:
            yield f"1: {path!r} is on disk, and not recorded{'' if found is None else ' but as ' + found.row.status}"
        elif found.stamp != stamp:
            yield f"1: {path!r} has size and time {stamp} on disk, and {found.stamp} in its row"
        elif fault := _misplaced(found, stamp, deleted):
            yield f"1: {path!r} {fault}"
    for path, found in sorted(rows.items()):
        if found.is_there and path not in there:
            yield f"1: {path!r} is recorded as {found.row.status}, and not on disk"


def _misplaced(found: DiskFile, stamp: Stamp, deleted: frozenset[str]) -> str | None:
    row = found.row
    if row.asset_id is None:
        if row.waits or (row.status == "OPEN" and stamp[0] == 0):
            return None
        return f"is {row.status}, in no file set, and waits for nothing"
    if row.status not in LIVING:
        return f"is {row.status} though it has not changed"
    if row.merged_into is not None:
        return f"is in asset {row.asset_id}, which was merged into another"
    if row.asset_status != "ACTIVE" and str(row.asset_id) not in deleted:
        return f"is in asset {row.asset_id}, which is {row.asset_status} though no client deleted it"
    return None


def check_groups(there: dict[bytes, Stamp], rows: dict[bytes, DiskFile]) -> Iterator[str]:
    """Compare the stored assets with a grouping of the names from scratch, but for what was grouped by hand: what
    belongs to an asset with such files, and what is beside them."""
    members = {path: rows[path].row for path in there if path in rows and rows[path].row.asset_id is not None}
    by_hand = {key for row in members.values() if row.pinned for key in (row.island_id, row.asset_id)}

    def is_by_rule(group: Group) -> bool:
        return not any({members[path].island_id, members[path].asset_id} & by_hand for _, _, path in group)

    expected = set(filter(is_by_rule, planned_groups(members)))
    stored = set(filter(is_by_rule, stored_groups(members)))
    for group in sorted(expected - stored, key=sorted):
        yield f"2: no asset is {_shown(group)}"
    for group in sorted(stored - expected, key=sorted):
        yield f"2: from scratch, no asset would be {_shown(group)}"


def planned_groups(paths: Iterable[bytes]) -> Iterator[Group]:
    """Group names from scratch."""
    for plan in group_tree(paths, Profile()).assets:
        yield frozenset((part.role, part.kind, path) for part in plan.formats for path in part.paths())


def stored_groups(members: dict[bytes, Row[Any]]) -> Iterator[Group]:
    """Return the assets that hold these files."""
    assets: dict[object, set[tuple[str, str, bytes]]] = {}
    for path, row in members.items():
        assets.setdefault(row.asset_id, set()).add((row.role, row.structure, path))
    yield from map(frozenset, assets.values())


def _shown(group: Group) -> str:
    return ", ".join(f"{path.decode(errors='replace')} ({role} {kind})" for role, kind, path in sorted(group))
