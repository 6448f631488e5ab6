"""Check stored groups against a grouping from scratch, and the counts on file sets."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.orm import Session

from models.asset import FileSet
from models.island import Island
from models.sessions import snapshot, transact
from tasks.findings import Audited, Finding
from tasks.island_state import IslandState, Snapshot
from tasks.read_islands import claim_for_reading, read_and_group
from tasks.required_sidecars import is_held
from tasks.sentences import counted
from watch.grouping import RULES_VERSION, FormatPlan, Grouping, Profile

ISLANDS_AT_ONCE = 200


def check_grouping(audited: Audited, repair: bool) -> Finding:
    """Check that grouping every settled island from scratch gives what is stored.

    An upgrade regroups nothing by itself, and a changed profile is applied over time, so an island is checked with the
    profile that grouped it. Islands grouped by older rules are only counted, because that code no longer exists.
    """
    found = Finding("grouping", "grouping every island from scratch changes nothing")
    with audited.sessions() as session:
        found.notes += [_told(row, "older rules, so not checked") for row in session.execute(OLDER_RULES, NOW)]
        found.notes += [_told(row, "an older profile") for row in session.execute(OLDER_PROFILE, NOW)]
        settled = _by_profile(session)
    for profile, ids in settled:
        for start in range(0, len(ids), ISLANDS_AT_ONCE):
            _check_islands(audited, profile, ids[start : start + ISLANDS_AT_ONCE], found, repair)
    return found


def _by_profile(session: Session) -> list[tuple[Profile | None, list[int]]]:
    """Return settled islands grouped by the current rules, by the profile that grouped them; None is the current
    profile."""
    found: dict[tuple[object, int | None], tuple[Profile | None, list[int]]] = {}
    for row in session.execute(SETTLED, NOW):
        key = (row.storage_id, row.revision) if row.revision is not None else (None, None)
        if key not in found:
            found[key] = Profile.model_validate(row.profile) if row.revision is not None else None, []
        found[key][1].append(row.id)
    return list(found.values())


def _check_islands(audited: Audited, profile: Profile | None, ids: Sequence[int], found: Finding, repair: bool) -> None:
    read = snapshot(audited.sessions, lambda session: read_and_group(session, claim_for_reading(session, ids), profile))
    stored = stored_groups(read.snapshot)
    for island in read.snapshot.islands.values():
        if island.claim.seen != island.claim.done:
            continue  # changed since the ids were read: pending work, not a fault
        found.checked += 1
        if stored.get(island.claim.id, set()) != planned_groups(island, read.groupings[island.claim.id]):
            found.breaks(f"island {island.claim.id}: its stored groups differ from a grouping from scratch")
            if repair:
                transact(audited.sessions, lambda session, i=island.claim.id: dirty_islands(session, [i]))
                found.repaired += 1


def _told(row: Row[Any], what: str) -> str:
    return (
        f'storage "{row.name}": {counted(row.islands, "island")} grouped by {what}; '
        f"see and regroup with: tapeless storage regroup {shlex.quote(row.name)}"
    )


NOW = {"rules": RULES_VERSION}

SETTLED = text("""
    SELECT island.id, island.storage_id, earlier.revision, earlier.profile FROM island
    JOIN storage ON storage.id = island.storage_id
    LEFT JOIN profile_revision AS earlier
        ON earlier.storage_id = storage.id AND earlier.revision = island.profile_revision
    WHERE island.dirty_since IS NULL AND island.rules_version = :rules
        AND (island.profile_revision = storage.profile_revision OR earlier.revision IS NOT NULL)
    ORDER BY island.id
""")

OLDER_PROFILE = text("""
    SELECT storage.name, count(*) AS islands FROM island JOIN storage ON storage.id = island.storage_id
    WHERE island.done > 0 AND island.dirty_since IS NULL AND island.rules_version = :rules
        AND island.profile_revision IS DISTINCT FROM storage.profile_revision
    GROUP BY storage.name ORDER BY storage.name
""")

OLDER_RULES = text("""
    SELECT storage.name, count(*) AS islands FROM island JOIN storage ON storage.id = island.storage_id
    WHERE island.done > 0 AND island.dirty_since IS NULL AND island.rules_version IS DISTINCT FROM :rules
    GROUP BY storage.name ORDER BY storage.name
""")

Group = tuple[str, str, frozenset[bytes]]


def planned_groups(island: IslandState, grouping: Grouping) -> set[Group]:
    """Return role, structure and files of every format from scratch; an orphan counts once it is in a file set."""
    standing = [o.asset for o in grouping.orphans if island.files[o.path].file_set_id is not None]
    return {
        (_role_of(island, part), part.kind, frozenset(part.paths()))
        for plan in [*grouping.assets, *standing]
        if not is_held(island, plan)
        for part in plan.formats
    }


def _role_of(island: IslandState, part: FormatPlan) -> str:
    """Return the manually assigned role of a format, if it was grouped manually, else the role of the plan."""
    return next((pin.role for path in part.paths() if (pin := island.files[path].pin) is not None), part.role)


def stored_groups(state: Snapshot) -> dict[int, set[Group]]:
    """Return the stored groups, by the island of the files."""
    members: dict[tuple[int, object], set[bytes]] = {}
    formats = {}
    for asset in state.assets.values():
        for file_set in asset.file_sets.values():
            formats[file_set.id] = asset.formats[file_set.format_id]
    for island_id, island in state.islands.items():
        for path, file in island.files.items():
            if file.is_present and file.file_set_id in formats:
                members.setdefault((island_id, formats[file.file_set_id].id), set()).add(path)
    rows = {row.id: row for row in formats.values()}
    groups: dict[int, set[Group]] = {}
    for (island_id, format_id), paths in members.items():
        row = rows[format_id]
        groups.setdefault(island_id, set()).add((row.role.value, row.structure, frozenset(paths)))
    return groups


def dirty_islands(session: Session, ids: Iterable[int]) -> None:
    """Queue islands to be grouped again, dead-lettered ones too."""
    session.execute(
        update(Island)
        .where(Island.id.in_(list(ids)))
        .values(
            seen=Island.seen + 1,
            stale_summaries=True,
            dirty_since=func.coalesce(Island.dirty_since, func.now()),
            parked_at=None,
            crashes=0,
            attempt=0,
            handed_until=None,
        )
    )


# Dirty and dead-lettered islands are left out: their counts are pending work.
MISCOUNTED = text("""
    SELECT file_set.name, file_set.island_id, file_set.file_count, count(file.id) AS members FROM file_set
    JOIN island ON island.id = file_set.island_id AND island.dirty_since IS NULL AND island.parked_at IS NULL
    LEFT JOIN file_set_file AS member ON member.file_set_id = file_set.id
    LEFT JOIN file ON file.id = member.file_id AND file.status NOT IN ('MISSING', 'DELETED')
    GROUP BY file_set.id HAVING file_set.file_count <> count(file.id)
""")


def check_counts(audited: Audited, repair: bool) -> Finding:
    """Check that the file counts shown by search and UI match the file sets."""
    found = Finding("counts", "every file set says how many files it holds")
    with audited.sessions() as session:
        found.checked = session.scalar(select(func.count(FileSet.id))) or 0
        rows = session.execute(MISCOUNTED).all()
    for row in rows:
        found.breaks(f"{row.name}: says {counted(row.file_count, 'file')}, holds {row.members:,}")
        if repair:
            transact(audited.sessions, lambda session, row=row: dirty_islands(session, [row.island_id]))
            found.repaired += 1
    return found
