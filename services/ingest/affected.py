"""The plans of an island that a change can concern; of the others neither plans nor stored assets are read or matched.

The files that did not change are grouped once more without those that did. A plan that is the same both times, and
shares no stored asset with a changed file or with a plan that differs, is stored as it is: what a file adds to or takes
from the groups of others, it does as a member of their asset.
"""

import uuid
from collections.abc import Collection, Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from grouping import RULES_VERSION, AssetPlan, GroupingResult, IslandPins, Single, group_items
from models.catalog.asset import FileSet
from models.core.statements import in_array
from models.queues.island import Island
from services.ingest.state import IslandState


def may_narrow(session: Session, state: IslandState) -> bool:
    """Whether a part of an island can be matched alone.

    Otherwise everything has to be: frames and pins relate files by more than their names, and an island may have been
    grouped by other rules, or lost a file to another name or folder.
    """
    if state.claim.reads_all_files or state.buckets or state.pins().by_path:
        return False
    return is_by_present_rules(session, state)


def narrow_to_affected(
    session: Session, state: IslandState, grouping: GroupingResult, also: Collection[uuid.UUID]
) -> tuple[GroupingResult, set[uuid.UUID]]:
    """Return the part of a grouping that changes may concern, and the stored assets to match it with.

    Args:
        also: assets that are matched for another island: of one that has files here too, no plan may be left out.
    """
    changed = [file for file in state.files.values() if file.seen > state.claim.done]
    gone = {file.path for file in changed}
    items = (item for item in state.items() if isinstance(item, Single) and item.path not in gone)
    rest = group_items(items, state.rules.profile, IslandPins({}), ())
    before = {plan.key: plan for plan in rest.settled()}
    sets_of = {plan.key: set(_sets_of(state, plan)) for plan in grouping.settled()}
    affected = {plan.key for plan in grouping.settled() if before.get(plan.key) != plan or None in sets_of[plan.key]}
    plan_of = {set_id: key for key, sets in sets_of.items() for set_id in sets}
    assets = read_assets_to_report(session, state) | set(also)
    sets = {file.file_set_id for file in changed}
    while True:
        sets |= {set_id for key in affected for set_id in sets_of[key]}
        sets, assets = _of_same_assets(session, sets - {None}, assets)
        more = {plan_of[set_id] for set_id in sets & plan_of.keys()} - affected
        if not more:
            break
        affected |= more
    return GroupingResult(
        tuple(plan for plan in grouping.assets if plan.key in affected),
        tuple(orphan for orphan in grouping.orphans if orphan.asset.key in affected),
    ), assets


def is_by_present_rules(session: Session, state: IslandState) -> bool:
    """Return whether an island's stored groups are those of the present rules and profile."""
    row = session.get_one(Island, state.claim.id)
    return (row.rules_version, row.profile_revision) == (RULES_VERSION, state.rules.profile_revision)


def _sets_of(state: IslandState, plan: AssetPlan) -> Iterable[uuid.UUID | None]:
    return (state.files[path].file_set_id for path in plan.paths())


def read_assets_to_report(session: Session, state: IslandState) -> set[uuid.UUID]:
    """Return assets with growth or rewritten files that are not in history yet, and those with empty frames: an empty
    file that goes leaves no row."""
    unreported = or_(
        FileSet.reported_count != FileSet.file_count, FileSet.unreported_changes > 0, FileSet.empty_frames != ""
    )
    return set(session.scalars(select(FileSet.asset_id).where(FileSet.island_id == state.claim.id, unreported)))


def _of_same_assets(
    session: Session, sets: Collection[uuid.UUID | None], assets: set[uuid.UUID]
) -> tuple[set[uuid.UUID | None], set[uuid.UUID]]:
    """Return the owners of file sets, added to `assets`, and all file sets of them."""
    assets = assets | set(session.scalars(select(FileSet.asset_id).where(in_array(FileSet.id, sets)).distinct()))
    return set(session.scalars(select(FileSet.id).where(in_array(FileSet.asset_id, assets)))), assets
