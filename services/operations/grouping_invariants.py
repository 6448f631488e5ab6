"""Check stored groups against a grouping from scratch, and the counts on file sets."""

import shlex
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from grouping import RULES_VERSION, FormatPlan, Profile
from models.catalog.asset import FileSet
from models.core.sessions import read_snapshot, transact
from models.core.statements import AnyRow
from models.queues.island import ISLAND_QUEUE, mark_for_full_regroup
from services.core.text import pluralize
from services.ingest.planner import IslandPlans, read_and_plan
from services.ingest.reader import claim_islands_read_only
from services.ingest.state import IslandSnapshot, IslandState
from services.operations.check_result import CheckResult, VerifyContext

MAX_VERIFIED_ISLANDS = 200


def check_grouping(audited: VerifyContext, repair: bool) -> CheckResult:
    """Check that grouping every settled island from scratch gives what is stored.

    An upgrade regroups nothing by itself, and a changed profile is applied over time, so an island is checked with the
    profile that grouped it. Islands grouped by older rules are only counted, because that code no longer exists.
    """
    found = CheckResult("grouping", "grouping every island from scratch changes nothing")
    with audited.sessions() as session:
        found.notes += [
            _outdated_note(row, "older rules, so not checked")
            for row in session.execute(COUNT_OLDER_RULES, CURRENT_RULES)
        ]
        found.notes += [
            _outdated_note(row, "an older profile") for row in session.execute(COUNT_OLDER_PROFILES, CURRENT_RULES)
        ]
        settled = _by_profile(session)
    for profile, ids in settled:
        for start in range(0, len(ids), MAX_VERIFIED_ISLANDS):
            _check_islands(audited, profile, ids[start : start + MAX_VERIFIED_ISLANDS], found, repair)
    return found


def _by_profile(session: Session) -> list[tuple[Profile | None, list[int]]]:
    """Return settled islands grouped by the current rules, by the profile that grouped them; None is the current
    profile."""
    found: dict[tuple[object, int | None], tuple[Profile | None, list[int]]] = {}
    for row in session.execute(SELECT_SETTLED_ISLANDS, CURRENT_RULES):
        key = (row.storage_id, row.revision) if row.revision is not None else (None, None)
        if key not in found:
            found[key] = Profile.model_validate(row.profile) if row.revision is not None else None, []
        found[key][1].append(row.id)
    return list(found.values())


def _check_islands(
    audited: VerifyContext, profile: Profile | None, ids: Sequence[int], found: CheckResult, repair: bool
) -> None:
    # The time of an orphan may have passed just now: its island is grouped again when the sweep finds that.
    plans = read_snapshot(
        audited.sessions,
        lambda session: read_and_plan(session, claim_islands_read_only(session, ids), profile, ages_orphans=False),
    )
    stored, planned = stored_groups(plans.snapshot), planned_groups(plans)
    for island in plans.snapshot.islands.values():
        if island.claim.seen != island.claim.done:
            continue  # changed since the ids were read: pending work, not a fault
        found.checked += 1
        if stored.get(island.claim.id, set()) != planned.get(island.claim.id, set()):
            fault = f"island {island.claim.id}: its stored groups differ from a grouping from scratch"
            report_island(audited, found, fault, island.claim.id if repair else None)


def _outdated_note(row: AnyRow, what: str) -> str:
    return (
        f'storage "{row.name}": {pluralize(row.islands, "island")} grouped by {what}; '
        f"see and regroup with: tapeless storage regroup {shlex.quote(row.name)}"
    )


CURRENT_RULES = {"rules": RULES_VERSION}

SELECT_SETTLED_ISLANDS = text(f"""
    SELECT island.id, island.storage_id, earlier.revision, earlier.profile FROM {ISLAND_QUEUE.view} AS island
    JOIN storage ON storage.id = island.storage_id
    LEFT JOIN profile_revision AS earlier
        ON earlier.storage_id = storage.id AND earlier.revision = island.profile_revision
    WHERE island.dirty_since IS NULL AND island.rules_version = :rules
        AND (island.profile_revision = storage.profile_revision OR earlier.revision IS NOT NULL)
    ORDER BY island.id
""")

COUNT_OLDER_PROFILES = text(f"""
    SELECT storage.name, count(*) AS islands FROM {ISLAND_QUEUE.view} AS island
    JOIN storage ON storage.id = island.storage_id
    WHERE island.done > 0 AND island.dirty_since IS NULL AND island.rules_version = :rules
        AND island.profile_revision IS DISTINCT FROM storage.profile_revision
    GROUP BY storage.name ORDER BY storage.name
""")

COUNT_OLDER_RULES = text(f"""
    SELECT storage.name, count(*) AS islands FROM {ISLAND_QUEUE.view} AS island
    JOIN storage ON storage.id = island.storage_id
    WHERE island.done > 0 AND island.dirty_since IS NULL AND island.rules_version IS DISTINCT FROM :rules
    GROUP BY storage.name ORDER BY storage.name
""")

FormatGroup = tuple[str, str, frozenset[bytes]]


def planned_groups(plans: IslandPlans) -> dict[int, set[FormatGroup]]:
    """Return role, structure and files of every format from scratch, by island."""
    groups: dict[int, set[FormatGroup]] = {}
    for asset in plans.assets:
        for part in asset.plan.formats:
            group = (_role_of(asset.island, part), part.kind, frozenset(part.paths()))
            groups.setdefault(asset.island.claim.id, set()).add(group)
    return groups


def _role_of(island: IslandState, part: FormatPlan) -> str:
    """Return the manually assigned role of a format, if it was grouped manually, else the role of the plan."""
    return next((pin.role for path in part.paths() if (pin := island.files[path].pin) is not None), part.role)


def stored_groups(state: IslandSnapshot) -> dict[int, set[FormatGroup]]:
    """Return the stored groups, by the island of the files."""
    members: dict[tuple[int, uuid.UUID], set[bytes]] = {}
    formats = {}
    for asset in state.assets.values():
        for file_set in asset.file_sets.values():
            formats[file_set.id] = asset.formats[file_set.format_id]
    for island_id, island in state.islands.items():
        for path, file in island.files.items():
            if file.is_present and file.file_set_id in formats:
                members.setdefault((island_id, formats[file.file_set_id].id), set()).add(path)
    rows = {row.id: row for row in formats.values()}
    groups: dict[int, set[FormatGroup]] = {}
    for (island_id, format_id), paths in members.items():
        row = rows[format_id]
        groups.setdefault(island_id, set()).add((row.role.value, row.structure, frozenset(paths)))
    return groups


def report_island(audited: VerifyContext, found: CheckResult, fault: str, repaired: int | None) -> None:
    """Record a violation; with an island to repair, queue that to be grouped again, a dead-lettered one too."""
    found.add_violation(fault)
    if repaired is not None:
        transact(audited.sessions, _requeue_for_grouping, repaired)
        found.repaired += 1


def _requeue_for_grouping(session: Session, island_id: int) -> None:
    ISLAND_QUEUE.requeue(session, [island_id])
    mark_for_full_regroup(session, [island_id])


# Dirty and dead-lettered islands are left out: their counts are pending work.
SELECT_MISCOUNTED_FILE_SETS = text(f"""
    SELECT file_set.name, file_set.island_id, file_set.file_count, count(file.id) AS members FROM file_set
    JOIN {ISLAND_QUEUE.view} AS island
        ON island.id = file_set.island_id AND island.dirty_since IS NULL AND island.parked_at IS NULL
    LEFT JOIN file_set_file AS member ON member.file_set_id = file_set.id
    LEFT JOIN file ON file.id = member.file_id AND file.status NOT IN ('MISSING', 'DELETED')
    GROUP BY file_set.id HAVING file_set.file_count <> count(file.id)
""")


def check_counts(audited: VerifyContext, repair: bool) -> CheckResult:
    """Check that the file counts shown by search and UI match the file sets."""
    found = CheckResult("counts", "every file set says how many files it holds")
    with audited.sessions() as session:
        found.checked = session.scalar(select(func.count(FileSet.id))) or 0
        rows = session.execute(SELECT_MISCOUNTED_FILE_SETS).all()
    for row in rows:
        fault = f"{row.name}: says {pluralize(row.file_count, 'file')}, holds {row.members:,}"
        report_island(audited, found, fault, row.island_id if repair else None)
    return found
