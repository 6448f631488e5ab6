"""Planned assets, formats and file sets: what the pure function says of an island, with the rows of its files."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.asset import FileSet, Format
from tasks.island_state import IslandState, Snapshot, StoredAsset, StoredFile
from tasks.taken import Taken
from watch.grouping import AssetPlan, FileSetPlan, FormatPlan, Pin
from watch.grouping import Sequence as FrameSequence


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
    id: uuid.UUID | None = None
    """Of a new one, where it was a file set before."""

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
    id: uuid.UUID | None = None
    """Of a new one, where it was a format before."""


@dataclass(slots=True)
class PlannedAsset:
    """An asset of the plan, the stored asset that it continues, and those that it swallows."""

    island: IslandState
    plan: AssetPlan
    formats: list[PlannedFormat]
    stored: StoredAsset | None = None
    merged: list[StoredAsset] = field(default_factory=list)
    returned: list[Taken] = field(default_factory=list)
    """Assets that part from the one that they had ended in: one may be the asset itself, the others end in it."""
    parts_from: uuid.UUID | None = None
    """Of a new one, the asset that held most of its files."""

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
    def revived(self) -> Taken | None:
        """The asset that ended, if it is that one again."""
        return next((each for each in self.returned if self.stored is not None and each.row is self.stored.row), None)

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
