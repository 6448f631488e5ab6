"""Matching of plans with stored assets, formats and file sets by overlap, so that ids survive. Pure.

- Every stored object goes to the plan that holds most of its files; a tie goes to the first plan by path.
- A plan matched by several stored assets keeps the oldest id that is not deleted; the others are merged into it.
- A plan matched only by an asset that was merged into another unmerges that asset.
- A format or file set keeps the id with the largest overlap; a tie goes to the oldest.
- Merged assets are matched as if they still existed: each goes to the plan with most of its own files.
- A partly read sequence keeps its file set, however many frames join it from another: its unread frames are members
  already, and nothing is written for them.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from grouping import FilePin
from models.catalog.asset import AssetStatus, FileSet, Format
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.plan import PlannedAsset, PlannedFileSet
from services.ingest.state import IslandSnapshot, StoredAsset
from services.ingest.unmerge import match_unmerged

Overlaps = dict[uuid.UUID, Counter[int]]
"""Number of files by asset and plan number."""

OverlapOwner = TypeVar("OverlapOwner", bound=Hashable)


def match_plans(planned: Sequence[PlannedAsset], snapshot: IslandSnapshot, taken: Sequence[MergeSnapshot] = ()) -> None:
    """Fill in the stored rows that plans continue.

    Args:
        taken: snapshots of assets merged into those that split now (`find_splits`).
    """
    by_rule = [asset for asset in planned if asset.pin is None]
    origins = Provenance(taken)
    overlaps = count_overlaps(by_rule, snapshot, origins)
    for number, owners in _group_by_target(overlaps).items():
        asset = by_rule[number]
        asset.unmerged = [origins.taken[owner] for owner in owners if owner in origins.taken]
        living = sorted((snapshot.assets[owner] for owner in owners if owner in snapshot.assets), key=_age_key)
        if living:
            asset.stored, *asset.merged = living
            holders = {stored.row.id for stored in living}
            asset.unmerged = [each for each in asset.unmerged if each.holder_id not in holders]
        else:
            asset.stored = StoredAsset(max(asset.unmerged, key=lambda each: _fit_score(each, overlaps, number)).row)
    continued = {part.continues.id for asset in planned for part in asset.sets() if part.continues is not None}
    for asset in by_rule:
        if asset.stored is not None and asset.revived_snapshot is None:
            _match_formats(asset, continued)
    match_unmerged([asset for asset in by_rule if not asset.is_new], snapshot)
    for asset in planned:
        if asset.pin is not None:
            _match_pinned(asset, asset.pin, snapshot, continued)


def _fit_score(taken: MergeSnapshot, overlaps: Overlaps, number: int) -> tuple[float, float, int]:
    """Rank a merged asset as the identity of a plan: by the share of its files in the plan, then the oldest."""
    share = overlaps[taken.row.id][number] / max(1, taken.count())
    return min(share, 1.0), -taken.row.date_created.timestamp(), -taken.row.id.int


def _match_pinned(asset: PlannedAsset, pin: FilePin, snapshot: IslandSnapshot, continued: set[uuid.UUID]) -> None:
    """Match a manually grouped asset: pins name the asset and formats; only file sets are matched by overlap."""
    asset.stored = snapshot.assets.get(uuid.UUID(pin.asset))
    if asset.stored is None:
        return
    for planned in asset.formats:
        said = next((file.pin for part in planned.sets for file in part.files if file.pin is not None), None)
        planned.stored = asset.stored.formats.get(uuid.UUID(said.format)) if said is not None else None
    _match_sets(asset, [asset.stored], continued)


def _group_by_target(overlaps: dict[OverlapOwner, Counter[int]]) -> dict[int, list[OverlapOwner]]:
    """Group keys by the plan number with the largest overlap; a tie goes to the smallest number."""
    targets: dict[int, list[OverlapOwner]] = {}
    for key, counts in overlaps.items():
        best = min(counts, key=lambda number: (-counts[number], number))
        targets.setdefault(best, []).append(key)
    return targets


def _age_key(asset: StoredAsset) -> tuple[bool, object, uuid.UUID]:
    return asset.row.status is AssetStatus.DELETED, asset.row.date_created, asset.row.id


def _match_formats(asset: PlannedAsset, continued: set[uuid.UUID]) -> None:
    pool = [asset.require_stored(), *asset.merged]
    kept = {format_id for stored in pool for format_id in stored.pinned_formats}
    formats = {row.id: row for stored in pool for row in stored.formats.values() if row.id not in kept}
    sets = {row.id: row for stored in pool for row in stored.file_sets.values() if row.format_id in formats}
    chosen = _assign([planned.sets for planned in asset.formats], lambda set_id: sets[set_id].format_id, sets, formats)
    for number, row in chosen.items():
        asset.formats[number].stored = row
    _match_sets(asset, pool, continued)


def _match_sets(asset: PlannedAsset, pool: Sequence[StoredAsset], continued: set[uuid.UUID]) -> None:
    sets = {row.id: row for stored in pool for row in stored.file_sets.values()}
    parts = []
    for part in asset.sets():
        if part.continues is not None and part.continues.id in sets:
            part.stored = part.continues
        else:
            parts.append(part)
    sets = {set_id: row for set_id, row in sets.items() if set_id not in continued}
    for number, row in _assign([[part] for part in parts], lambda set_id: set_id, sets, sets).items():
        parts[number].stored = row


StoredRow = TypeVar("StoredRow", Format, FileSet)


def _assign(
    parts: Sequence[Sequence[PlannedFileSet]],
    owner_of: Callable[[uuid.UUID], uuid.UUID],
    sets: dict[uuid.UUID, FileSet],
    rows: dict[uuid.UUID, StoredRow],
) -> dict[int, StoredRow]:
    """Return the stored row for each part number: the one with the largest overlap, then the oldest."""
    overlaps: dict[uuid.UUID, Counter[int]] = {}
    for number, of_part in enumerate(parts):
        for part in of_part:
            for file in part.files:
                if file.file_set_id in sets:
                    overlaps.setdefault(owner_of(file.file_set_id), Counter())[number] += 1
            if part.continues is not None and part.continues.id in sets:
                overlaps.setdefault(owner_of(part.continues.id), Counter())[number] += part.unread
    return {
        number: rows[min(owners, key=lambda owner: (-overlaps[owner][number], rows[owner].date_created, owner))]
        for number, owners in _group_by_target(overlaps).items()
    }


class Provenance:
    """Lookup of original assets by file. If two merged assets had a file, the one with fewer files wins."""

    def __init__(self, taken: Sequence[MergeSnapshot]) -> None:
        self.taken = {each.row.id: each for each in taken}
        self._of_file: dict[tuple[uuid.UUID, uuid.UUID], uuid.UUID] = {}
        self._of_set: dict[tuple[uuid.UUID, uuid.UUID], tuple[uuid.UUID, int]] = {}
        self._of_long_set: dict[tuple[uuid.UUID, uuid.UUID], uuid.UUID] = {}
        for each in sorted(taken, key=lambda each: (-each.count(), each.row.id)):
            for file_id in each.set_of_file():
                self._of_file[each.holder_id, file_id] = each.row.id
            for set_id, count in each.counts().items():
                self._of_set[each.holder_id, set_id] = each.row.id, count
            for set_id in each.long_sets():
                self._of_long_set[each.holder_id, set_id] = each.row.id

    def of_file(self, holder_id: uuid.UUID, file_id: uuid.UUID, set_id: uuid.UUID) -> uuid.UUID:
        """Return the original asset of a file, `holder_id` by default."""
        known = self._of_file.get((holder_id, file_id))
        return known or self._of_long_set.get((holder_id, set_id), holder_id)

    def of_unread(self, part: PlannedFileSet, row: FileSet) -> uuid.UUID:
        """Return the original asset of the unread frames of a part that continues `row`: the one that had the file
        set, if it had at least half."""
        origin, count = self._of_set.get((row.asset_id, row.id), (row.asset_id, 0))
        return origin if count * 2 >= part.count else row.asset_id


def find_splits(planned: Iterable[PlannedAsset], snapshot: IslandSnapshot) -> set[uuid.UUID]:
    """Return the assets with files that go to several plans, or to an island that cannot take over the whole asset."""
    parted: set[uuid.UUID] = set()
    if not snapshot.assets:
        return parted
    plan_of: dict[uuid.UUID, int] = {}
    for number, asset in enumerate(planned):
        owners = {snapshot.asset_of_set.get(file.file_set_id) for file in asset.files() if file.file_set_id}
        owners |= {part.continues.asset_id for part in asset.sets() if part.continues is not None}
        for owner in owners:
            if owner is None:
                continue
            if plan_of.setdefault(owner, number) != number or not can_take_over(asset, snapshot, owner):
                parted.add(owner)
    return parted


def can_take_over(planned: PlannedAsset, snapshot: IslandSnapshot, owner: uuid.UUID) -> bool:
    """Whether an asset may continue as this plan: one with files in other islands stays there, only the file moves."""
    stored = snapshot.assets[owner]
    return not stored.is_needed_elsewhere or stored.row.island_id == planned.island.claim.id


def count_overlaps(by_rule: Sequence[PlannedAsset], snapshot: IslandSnapshot, origins: Provenance) -> Overlaps:
    """Count the files of each asset in each plan; merged assets count separately from their survivor.

    A survivor without files of its own in any plan counts with the files of its merged assets: nothing splits there.
    """
    overlaps: Overlaps = {}
    together: Overlaps = {}
    for number, asset in enumerate(by_rule):
        for owner, origin, count in _iter_owners(asset, snapshot, origins):
            if origin != owner or can_take_over(asset, snapshot, owner):
                overlaps.setdefault(origin, Counter())[number] += count
            if can_take_over(asset, snapshot, owner):
                together.setdefault(owner, Counter())[number] += count
    for taken in origins.taken.values():
        if taken.row.id in overlaps and not _is_whole(taken, overlaps[taken.row.id], snapshot):
            del overlaps[taken.row.id]
    return together | overlaps


def _iter_owners(
    asset: PlannedAsset, snapshot: IslandSnapshot, origins: Provenance
) -> Iterable[tuple[uuid.UUID, uuid.UUID, int]]:
    for file in asset.files():
        if file.file_set_id and (owner := snapshot.asset_of_set.get(file.file_set_id)) is not None:
            yield owner, origins.of_file(owner, file.id, file.file_set_id) if origins.taken else owner, 1
    for part in asset.sets():
        if part.continues is not None and part.unread:
            yield part.continues.asset_id, origins.of_unread(part, part.continues), part.unread


def _is_whole(taken: MergeSnapshot, counts: Counter[int], snapshot: IslandSnapshot) -> bool:
    """Whether at least half of it is in this snapshot; where the rest of an asset in another island goes is unknown."""
    return not snapshot.assets[taken.holder_id].is_needed_elsewhere or sum(counts.values()) * 2 >= taken.count()
