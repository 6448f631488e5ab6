"""The one planner: which assets the files of islands make, which stored assets they continue, and what waits and why.

Ingest writes its result, the dry run and the diff compare it with the catalog, verify compares it with the stored
groups, and explain reads from it why a file is in no asset.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grouping import AssetPlan, Orphan, Profile
from media.sidecars.kinds import is_metadata_sidecar
from models.catalog.file import File
from models.core.paths import base_name, display_path, escape_surrogates
from models.core.statements import in_array
from models.queues.island import IslandClaim
from services.ingest.matching import find_splits, match_plans
from services.ingest.merged_assets import load_merge_snapshots
from services.ingest.plan import PlannedAsset, plan_asset
from services.ingest.reader import GroupedIslands, read_and_group
from services.ingest.state import IslandSnapshot, IslandState

SIDECAR_RECHECK_SECONDS = 3_600.0
"""Delay until an island with files that wait for a sidecar is grouped again; only a safety net, as an arriving sidecar
dirties the island like any file."""


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """Asset that is not created yet, because of `reason`; its island is grouped again after `seconds`."""

    island: IslandState
    plan: AssetPlan
    reason: str
    seconds: float


@dataclass(slots=True)
class IslandPlans:
    """Plans of islands: assets to create or update, matched with the stored ones, and those that are held back."""

    snapshot: IslandSnapshot
    assets: list[PlannedAsset] = field(default_factory=list)
    held: list[HeldPlan] = field(default_factory=list)


def read_and_plan(
    session: Session, claims: Sequence[IslandClaim], profile: Profile | None = None, *, ages_orphans: bool = True
) -> IslandPlans:
    """Read islands and plan their assets; the arguments are those of `read_and_group` and `plan_islands`."""
    return plan_islands(session, read_and_group(session, claims, profile), ages_orphans=ages_orphans)


def plan_islands(session: Session, read: GroupedIslands, *, ages_orphans: bool = True) -> IslandPlans:
    """Plan the assets of grouped islands.

    Args:
        ages_orphans: False takes every ungrouped orphan as just arrived, however long it has waited.
    """
    found = read.snapshot
    plans = IslandPlans(found)
    ages = _seconds_since_creation(session, read) if ages_orphans else {}
    for island, plan, orphan in _iterate_plans(read):
        held = (_hold_orphan(island, orphan, ages) if orphan else None) or _hold_without_sidecar(island, plan)
        if held is not None:
            plans.held.append(held)
        else:
            plans.assets.append(plan_asset(island, plan, found))
    match_plans(plans.assets, found, load_merge_snapshots(session, find_splits(plans.assets, found)))
    return plans


def _iterate_plans(read: GroupedIslands) -> Iterator[tuple[IslandState, AssetPlan, Orphan | None]]:
    for island_id, grouping in read.groupings.items():
        island = read.snapshot.islands[island_id]
        yield from ((island, plan, None) for plan in grouping.assets)
        yield from ((island, orphan.asset, orphan) for orphan in grouping.orphans)


def _hold_orphan(island: IslandState, orphan: Orphan, ages: dict[uuid.UUID, float]) -> HeldPlan | None:
    """Hold back a caption, sidecar or the like without its media file; one that is an asset already stays one."""
    file = island.files[orphan.path]
    left = island.rules.profile.orphan_after_seconds - ages.get(file.id, 0.0)
    if file.file_set_id is not None or left <= 0:
        return None
    reason = f"waits for {escape_surrogates(orphan.waits_for)}; alone it becomes an asset in {left:.0f} s"
    return HeldPlan(island, orphan.asset, reason, left)


def _hold_without_sidecar(island: IslandState, plan: AssetPlan) -> HeldPlan | None:
    """Hold back ungrouped files on a storage that requires metadata sidecars, until theirs arrives.

    Decided again by each grouping, with no state that could be stale. Existing assets are not affected.
    """
    if not island.rules.settings.sidecar_metadata_required:
        return None
    parts = list(plan.formats)
    is_lone_sidecar = all(component.type == "NON_MEDIA" for set_ in parts[0].file_sets for component in set_.components)
    has_sidecar = any(
        is_metadata_sidecar(display_path(base_name(path)))
        for part in parts
        if part.role == "sidecar"
        for path in part.paths()
    )
    # Unread frames are members of a stored file set, and pinned files were grouped manually: neither waits.
    files = [island.files.get(path) for part in parts for path in part.paths()]
    is_ungrouped = all(file is not None and file.file_set_id is None and file.pin is None for file in files)
    if is_lone_sidecar or has_sidecar or not is_ungrouped:
        return None
    name = display_path(base_name(plan.main_path))
    stem = name.rpartition(".")[0] or name
    reason = (
        f'waits for a sidecar with its metadata, such as "{stem}.xml" or "{name}.json": '
        f'storage "{island.rules.name}" takes in nothing without one (sidecar_metadata_required)'
    )
    return HeldPlan(island, plan, reason, SIDECAR_RECHECK_SECONDS)


def _seconds_since_creation(session: Session, read: GroupedIslands) -> dict[uuid.UUID, float]:
    """Return the age of the rows of ungrouped orphans, by the database's clock; a file without a row has none."""
    files = [island.files[orphan.path] for island, _, orphan in _iterate_plans(read) if orphan is not None]
    waiting = [file.id for file in files if file.file_set_id is None]
    if not waiting:
        return {}
    age = func.extract("epoch", func.now() - File.date_created)
    return {row[0]: float(row[1]) for row in session.execute(select(File.id, age).where(in_array(File.id, waiting)))}
