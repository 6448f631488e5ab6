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
from watch.grouping import AssetPlan, FileSetPlan, FormatPlan, Pin
from watch.grouping import Sequence as FrameSequence

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class PlannedSet:
    """A file set of the plan, its files as rows, and the stored file set that it continues."""

    plan: FileSetPlan
    files: list[StoredFile]
    stored: FileSet | None = None
    continues: FileSet | None = None
    """The stored set of the same bucket, where not all frames were read: the others are its members already."""
    unread: int = 0
    """How many frames of the plan were not read."""
    place: tuple[int, bytes] | None = None
    """The bucket that the set is a sequence of."""
    lost_bytes: int = 0
    """What members that are gone added to the size of the set that it continues."""

    @property
    def count(self) -> int:
        """Files of the set, read or not."""
        return len(self.files) + self.unread


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

    @property
    def pin(self) -> Pin | None:
        """Where a person put it, for an asset (or a part of one) that was grouped by hand."""
        return next((file.pin for file in self.files() if file.pin is not None), None)

    def sets(self) -> Iterable[PlannedSet]:
        """Every file set of the asset."""
        return (part for planned in self.formats for part in planned.sets)

    def files(self) -> Iterable[StoredFile]:
        """Every file of the asset that was read."""
        return (file for part in self.sets() for file in part.files)

    @property
    def is_new(self) -> bool:
        """Whether none of its files was in a file set before."""
        return not any(part.unread for part in self.sets()) and not any(file.file_set_id for file in self.files())


def plan_asset(island: IslandState, plan: AssetPlan, snapshot: Snapshot) -> PlannedAsset:
    """Look up the rows of a plan's paths."""
    return PlannedAsset(
        island,
        plan,
        [
            PlannedFormat(planned, [_plan_set(island, part, snapshot) for part in planned.file_sets])
            for planned in plan.formats
        ],
    )


def _plan_set(island: IslandState, plan: FileSetPlan, snapshot: Snapshot) -> PlannedSet:
    only = plan.members[0] if len(plan.members) == 1 else None
    if isinstance(only, FrameSequence):
        place = island.place_of(only.folder, only.key)
        if island.is_whole(place):
            files = [island.files[path] for path in plan.paths()]
            return PlannedSet(plan, files, place=place)
        if only.padding in snapshot.set_of_bucket.get(place, {}):
            read = [file for file in island.frames.get(place, ()) if file.is_present and is_member(only, file)]
            continued = snapshot.set_of_bucket[place][only.padding]
            lost = sum(
                file.counted_bytes
                for file in island.frames.get(place, ())
                if not file.is_present and file.file_set_id == continued.id
            )
            unread = only.count - len(read)
            return PlannedSet(plan, read, continues=continued, unread=unread, place=place, lost_bytes=lost)
    return PlannedSet(plan, [island.files[path] for path in plan.paths()])


def is_member(sequence: FrameSequence, file: StoredFile) -> bool:
    """Whether a frame of the bucket is in this sequence of it: the number and the way it is written both fit."""
    if file.frame is None or file.frame not in sequence.frames:
        return False
    return file.padding == sequence.padding or len(str(abs(file.frame))) >= sequence.padding > 0 == file.padding


def match(planned: Sequence[PlannedAsset], snapshot: Snapshot) -> None:
    """Fill in `stored` and `merged` of all plans."""
    by_rule = [asset for asset in planned if asset.pin is None]
    overlaps: dict[uuid.UUID, Counter[int]] = {}
    for number, asset in enumerate(by_rule):
        for file in asset.files():
            owner = snapshot.asset_of_set.get(file.file_set_id) if file.file_set_id else None
            if owner is not None and _may_take(asset, snapshot.assets[owner]):
                overlaps.setdefault(owner, Counter())[number] += 1
        for part in asset.sets():
            if part.continues is not None:
                overlaps.setdefault(part.continues.asset_id, Counter())[number] += part.unread
    for number, owners in _by_target(overlaps).items():
        oldest, *others = sorted((snapshot.assets[owner] for owner in owners), key=_age)
        by_rule[number].stored, by_rule[number].merged = oldest, others
    for asset in by_rule:
        if asset.stored is not None:
            _match_formats(asset)
    for asset in planned:
        if asset.pin is not None:
            _match_pinned(asset, asset.pin, snapshot)


def _match_pinned(asset: PlannedAsset, pin: Pin, snapshot: Snapshot) -> None:
    """A person said which asset and formats these are; only the file sets are found by their files."""
    asset.stored = snapshot.assets.get(uuid.UUID(pin.asset))
    if asset.stored is None:
        return
    for planned in asset.formats:
        said = next((file.pin for part in planned.sets for file in part.files if file.pin is not None), None)
        planned.stored = asset.stored.formats.get(uuid.UUID(said.format)) if said is not None else None
    _match_sets(asset, [asset.stored])


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
    kept = {format_id for stored in pool for format_id in stored.kept_formats}
    formats = {row.id: row for stored in pool for row in stored.formats.values() if row.id not in kept}
    sets = {row.id: row for stored in pool for row in stored.file_sets.values() if row.format_id in formats}
    chosen = _assign([planned.sets for planned in asset.formats], lambda set_id: sets[set_id].format_id, sets, formats)
    for number, row in chosen.items():
        asset.formats[number].stored = row
    _match_sets(asset, pool)


def _match_sets(asset: PlannedAsset, pool: Sequence[StoredAsset]) -> None:
    sets = {row.id: row for stored in pool for row in stored.file_sets.values()}
    parts = list(asset.sets())
    for number, row in _assign([[part] for part in parts], lambda set_id: set_id, sets, sets).items():
        parts[number].stored = row


Row = TypeVar("Row", Format, FileSet)


def _assign(
    parts: Sequence[Sequence[PlannedSet]],
    owner_of: Callable[[uuid.UUID], uuid.UUID],
    sets: dict[uuid.UUID, FileSet],
    rows: dict[uuid.UUID, Row],
) -> dict[int, Row]:
    """The stored row of each part's number: of those that go to it the largest overlap, then the oldest."""
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
        for number, owners in _by_target(overlaps).items()
    }
