"""Provenance of files: the current asset, or the asset merged into it that had the file before. Pure.

Merged assets are matched as if they still existed: each goes to the plan with most of its own files.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence

from models.catalog.asset import FileSet
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.plan import PlannedAsset, PlannedFileSet
from services.ingest.state import IslandSnapshot

Overlaps = dict[uuid.UUID, Counter[int]]
"""Number of files by asset and plan number."""


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
