"""Which stored asset, format and file set each planned one is: a pure function of overlaps, so that ids survive.

- Every stored thing goes to the plan that holds most of its files; a tie goes to the first plan by path.
- An asset that several stored assets go to keeps the oldest id; the others are merged into it.
- A format or file set keeps the id with the largest overlap; a tie goes to the oldest.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from models.asset import FileSet, Format
from tasks.island_state import IslandState, Snapshot, StoredAsset, StoredFile
from watch.grouping import AssetPlan, FileSetPlan, FormatPlan

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class PlannedSet:
    """A file set of the plan, its files as rows, and the stored file set that it continues."""

    plan: FileSetPlan
    files: list[StoredFile]
    stored: FileSet | None = None


@dataclass(slots=True)
class PlannedFormat:
    """A format of the plan and the stored format that it continues."""

    plan: FormatPlan
    sets: list[PlannedSet]
    stored: Format | None = None


@dataclass(slots=True)
class PlannedAsset:
    """An asset of the plan, the stored asset that it continues, and those that it swallows."""

    island: IslandState
    plan: AssetPlan
    formats: list[PlannedFormat]
    stored: StoredAsset | None = None
    merged: list[StoredAsset] = field(default_factory=list)

    def files(self) -> Iterable[StoredFile]:
        """Every file of the asset."""
        return (file for planned in self.formats for part in planned.sets for file in part.files)


def plan_asset(island: IslandState, plan: AssetPlan) -> PlannedAsset:
    """Look up the rows of a plan's paths."""
    files = island.files
    return PlannedAsset(
        island,
        plan,
        [
            PlannedFormat(
                planned, [PlannedSet(part, [files[path] for path in part.paths()]) for part in planned.file_sets]
            )
            for planned in plan.formats
        ],
    )


def match(planned: Sequence[PlannedAsset], snapshot: Snapshot) -> None:
    """Fill in `stored` and `merged` of all plans."""
    overlaps: dict[uuid.UUID, Counter[int]] = {}
    for number, asset in enumerate(planned):
        for file in asset.files():
            owner = snapshot.asset_of_set.get(file.file_set_id) if file.file_set_id else None
            if owner is not None and _may_take(asset, snapshot.assets[owner]):
                overlaps.setdefault(owner, Counter())[number] += 1
    for number, owners in _by_target(overlaps).items():
        oldest, *others = sorted((snapshot.assets[owner] for owner in owners), key=_age)
        planned[number].stored, planned[number].merged = oldest, others
    for asset in planned:
        if asset.stored is not None:
            _match_formats(asset)


def _may_take(planned: PlannedAsset, stored: StoredAsset) -> bool:
    """An asset with files in islands that are not at hand stays where it is; only the file moves."""
    return not stored.is_needed_elsewhere or stored.row.island_id == planned.island.claim.id


def _by_target(overlaps: dict[Key, Counter[int]]) -> dict[int, list[Key]]:
    """Each key under the number with which it shares most, the smallest of equal ones."""
    targets: dict[int, list[Key]] = {}
    for key, counts in overlaps.items():
        best = min(counts, key=lambda number: (-counts[number], number))
        targets.setdefault(best, []).append(key)
    return targets


def _age(asset: StoredAsset) -> tuple[object, uuid.UUID]:
    return asset.row.date_created, asset.row.id


def _match_formats(asset: PlannedAsset) -> None:
    pool = [asset.stored, *asset.merged]
    formats = {row.id: row for stored in pool for row in stored.formats.values()}
    sets = {row.id: row for stored in pool for row in stored.file_sets.values()}
    chosen = _assign(asset.formats, _format_files, lambda file: _format_of(file, sets), formats)
    for number, row in chosen.items():
        asset.formats[number].stored = row
    parts = [part for planned in asset.formats for part in planned.sets]
    chosen_sets = _assign(parts, _set_files, lambda file: file.file_set_id, sets)
    for number, row in chosen_sets.items():
        parts[number].stored = row


def _format_of(file: StoredFile, sets: dict[uuid.UUID, FileSet]) -> uuid.UUID | None:
    file_set = sets.get(file.file_set_id) if file.file_set_id else None
    return file_set.format_id if file_set is not None else None


def _format_files(planned: PlannedFormat) -> Iterable[StoredFile]:
    return (file for part in planned.sets for file in part.files)


def _set_files(part: PlannedSet) -> Iterable[StoredFile]:
    return part.files


Part = TypeVar("Part")
Row = TypeVar("Row", Format, FileSet)


def _assign(
    parts: Sequence[Part],
    files_of: Callable[[Part], Iterable[StoredFile]],
    owner_of: Callable[[StoredFile], uuid.UUID | None],
    rows: dict[uuid.UUID, Row],
) -> dict[int, Row]:
    """The stored row of each part's number: of those that go to it the largest overlap, then the oldest."""
    overlaps: dict[uuid.UUID, Counter[int]] = {}
    for number, part in enumerate(parts):
        for file in files_of(part):
            owner = owner_of(file)
            if owner in rows:
                overlaps.setdefault(owner, Counter())[number] += 1
    return {
        number: rows[min(owners, key=lambda owner: (-overlaps[owner][number], rows[owner].date_created, owner))]
        for number, owners in _by_target(overlaps).items()
    }
