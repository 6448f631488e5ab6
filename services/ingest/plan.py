"""Planned assets, formats and file sets: the result of the pure function, joined with file rows and stored rows."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from grouping import AssetPlan, FilePin, FileSetPlan, FormatPlan, FrameSequence
from models.catalog.asset import FileSet, Format
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.state import IslandSnapshot, IslandState, StoredAsset, StoredFile


@dataclass(slots=True)
class PlannedFileSet:
    """File set of the plan with its file rows and the stored file set that it continues (`stored`)."""

    plan: FileSetPlan
    files: list[StoredFile]
    stored: FileSet | None = None
    continues: FileSet | None = None
    """Stored file set of the same bucket if not all frames were read; the unread ones are its members already."""
    unread: int = 0
    """Number of planned frames that were not read."""
    place: tuple[int, bytes] | None = None
    """Bucket key of a sequence."""
    lost_bytes: int = 0
    """Bytes of gone members that the size of the continued file set still includes."""
    id: uuid.UUID | None = None
    """Id of a former file set that a new one reuses."""

    @property
    def count(self) -> int:
        """Number of files, read or not."""
        return len(self.files) + self.unread


@dataclass(slots=True)
class PlannedFormat:
    """Format of the plan and the stored format that it continues."""

    plan: FormatPlan
    sets: list[PlannedFileSet]
    stored: Format | None = None
    id: uuid.UUID | None = None
    """Id of a former format that a new one reuses."""


@dataclass(slots=True)
class PlannedAsset:
    """Asset of the plan, the stored asset that it continues (`stored`), and those merged into it (`merged`)."""

    island: IslandState
    plan: AssetPlan
    formats: list[PlannedFormat]
    stored: StoredAsset | None = None
    merged: list[StoredAsset] = field(default_factory=list)
    unmerged: list[MergeSnapshot] = field(default_factory=list)
    """Formerly merged assets that leave their survivor: this asset itself may be one, the others are merged into it."""
    split_from: uuid.UUID | None = None
    """For a new asset, the asset that had most of its files."""

    @property
    def pin(self) -> FilePin | None:
        """Pin of an asset, or of a part of one, that was grouped manually."""
        return next((file.pin for file in self.files() if file.pin is not None), None)

    def require_stored(self) -> StoredAsset:
        """Return the stored asset that this plan continues; the caller knows that there is one."""
        if self.stored is None:
            raise ValueError(f'the plan of "{self.plan.title}" continues no stored asset')
        return self.stored

    def sets(self) -> Iterable[PlannedFileSet]:
        """Iterate over all file sets."""
        return (part for planned in self.formats for part in planned.sets)

    def files(self) -> Iterable[StoredFile]:
        """Iterate over all files that were read."""
        return (file for part in self.sets() for file in part.files)

    @property
    def revived_snapshot(self) -> MergeSnapshot | None:
        """Snapshot of the merged asset that this asset is again, if any."""
        return next((each for each in self.unmerged if self.stored is not None and each.row is self.stored.row), None)

    @property
    def is_new(self) -> bool:
        """Whether none of its files was in a file set."""
        return not any(part.unread for part in self.sets()) and not any(file.file_set_id for file in self.files())


def plan_asset(island: IslandState, plan: AssetPlan, snapshot: IslandSnapshot) -> PlannedAsset:
    """Build a planned asset by looking up the file rows of a plan's paths."""
    return PlannedAsset(
        island,
        plan,
        [
            PlannedFormat(planned, [_plan_file_set(island, part, snapshot) for part in planned.file_sets])
            for planned in plan.formats
        ],
    )


def _plan_file_set(island: IslandState, plan: FileSetPlan, snapshot: IslandSnapshot) -> PlannedFileSet:
    only = plan.members[0] if len(plan.members) == 1 else None
    if isinstance(only, FrameSequence):
        place = island.bucket_key_of(only.folder, only.key)
        if island.is_whole(place):
            files = [island.files[path] for path in plan.paths()]
            return PlannedFileSet(plan, files, place=place)
        if only.padding in snapshot.file_sets_of_bucket.get(place, {}):
            read = [file for file in island.frames.get(place, ()) if file.is_present and is_sequence_member(only, file)]
            continued = snapshot.file_sets_of_bucket[place][only.padding]
            lost = sum(
                file.counted_bytes
                for file in island.frames.get(place, ())
                if not file.is_present and file.file_set_id == continued.id
            )
            unread = only.count - len(read)
            return PlannedFileSet(plan, read, continues=continued, unread=unread, place=place, lost_bytes=lost)
    return PlannedFileSet(plan, [island.files[path] for path in plan.paths()])


def is_sequence_member(sequence: FrameSequence, file: StoredFile) -> bool:
    """Whether a frame of the bucket belongs to this sequence: both its number and its padding match."""
    if file.frame is None or file.frame not in sequence.frames:
        return False
    return file.padding == sequence.padding or len(str(abs(file.frame))) >= sequence.padding > 0 == file.padding
