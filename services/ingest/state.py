"""In-memory state of islands: files by path, frame buckets, and the assets that hold them; values only, and the columns
that files are built from."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from grouping import (
    NO_PINS,
    RULES_VERSION,
    ClassifiedPath,
    ComponentPlan,
    FilePin,
    GroupingItem,
    IslandPins,
    Profile,
    Single,
    classify_path,
)
from models.catalog.asset import Asset, Component, FileSet, Format
from models.catalog.file import FileStatus
from models.catalog.storage import StorageSettings
from models.core.paths import join_path
from models.queues.island import IslandClaim
from services.access.acl_templates import AclGrant
from services.ingest.frame_buckets import FrameBucketState

SELECT_ISLAND_FILES = """
    SELECT file.id, file.folder_id, file.name, file.size, file.status, file.content_seen, file.seen,
        member.file_set_id, coalesce(member.counted_bytes, 0), coalesce(member.rewritten, false),
        file.bucket, file.frame,
        CASE WHEN file.padded THEN file.width ELSE 0 END,
        pin.asset_id, pin.format_id, pin.label, pin.role, pin.structure
    FROM file
    LEFT JOIN file_set_file AS member ON member.file_id = file.id
    LEFT JOIN pin ON pin.file_id = file.id
"""

ABSENT_STATUSES = frozenset({FileStatus.MISSING.value})
UNFINISHED_STATUSES = frozenset({FileStatus.OPEN.value, FileStatus.GROWING.value, FileStatus.AWAITED.value})


class StoredFile(NamedTuple):
    """File row with the columns that grouping needs."""

    id: uuid.UUID
    path: bytes
    size: int
    status: str
    content_seen: int
    seen: int
    file_set_id: uuid.UUID | None
    counted_bytes: int
    """Bytes that its file set's size includes for it, as of the last finish."""
    is_change_counted: bool
    """Whether its file set counts it as rewritten since its last history entry."""
    folder_id: int
    bucket: bytes | None
    frame: int | None
    padding: int
    pin: FilePin | None = None
    """Manual grouping, if any."""

    @property
    def is_present(self) -> bool:
        """Whether it counts as a member: not missing, and stable at least once.

        A member that grows again or was emptied stays; a file that was never stable waits.
        """
        if self.status in ABSENT_STATUSES:
            return False
        return self.file_set_id is not None or (self.status not in UNFINISHED_STATUSES and self.size > 0)

    @property
    def is_counted_but_gone(self) -> bool:
        """Whether its file set still counts its bytes although it is gone."""
        return self.counted_bytes > 0 and not self.is_present


def read_stored_file(row: Sequence[Any], paths: dict[int, bytes]) -> StoredFile:
    """Build a file from a row of `SELECT_ISLAND_FILES`; `paths` are folder paths by folder id."""
    file_id, folder_id, name, size, status, content_seen, seen, set_id, counted, *details = row
    is_change_counted, bucket, frame, padding, *pinned = details
    path = join_path(paths[folder_id], bytes(name))
    # The pure function names asset and format of a pin by their ids.
    pin = FilePin(str(pinned[0]), str(pinned[1]), *pinned[2:]) if pinned[0] is not None else None
    # A pinned frame leaves its bucket: rules see it as a single file.
    key = bytes(bucket) if bucket is not None and pin is None else None
    state = (size, status, content_seen, seen, set_id, counted, is_change_counted)
    return StoredFile(file_id, path, *state, folder_id, key, frame, padding, pin)


@dataclass(slots=True)
class StoredAsset:
    """Stored asset with its formats and their file sets."""

    row: Asset
    formats: dict[uuid.UUID, Format] = field(default_factory=dict)
    file_sets: dict[uuid.UUID, FileSet] = field(default_factory=dict)
    components: dict[uuid.UUID, list[Component]] = field(default_factory=dict)
    """By file set."""
    pinned_formats: frozenset[uuid.UUID] = frozenset()
    """Formats with pinned files, which rules must not change."""
    given: set[uuid.UUID] = field(default_factory=set)
    """Formats and file sets that move to an asset split from it."""
    is_needed_elsewhere: bool = False
    """It has present files in islands outside this snapshot, so it must not be merged or taken offline."""
    sets_elsewhere: set[uuid.UUID] = field(default_factory=set)
    """File sets with such files."""

    def may_take_offline(self, format_id: uuid.UUID) -> bool:
        """Whether a format was made by grouping, and so may be taken offline; pinned and declared ones may not."""
        of_format = [row for row in self.file_sets.values() if row.format_id == format_id]
        made = bool(of_format) and all(row.island_id is not None for row in of_format)
        return made and format_id not in self.pinned_formats


@dataclass(frozen=True, slots=True)
class StorageRules:
    """Settings and profile by which one storage is grouped."""

    id: uuid.UUID
    name: str
    settings: StorageSettings
    profile: Profile
    profile_revision: int
    owner_id: uuid.UUID | None
    rights: tuple[AclGrant, ...] = ()
    """Permissions given to its new assets."""


@dataclass(slots=True)
class IslandState:
    """State of one island.

    `files` holds every file outside buckets, or only the block of its changes (`services.ingest.blocks`); of frames
    those that changed, unless the bucket was read whole.
    """

    claim: IslandClaim
    rules: StorageRules
    files: dict[bytes, StoredFile] = field(default_factory=dict)
    buckets: dict[tuple[int, bytes], FrameBucketState] = field(default_factory=dict)
    frames: dict[tuple[int, bytes], list[StoredFile]] = field(default_factory=dict)
    """Frames among `files`, by bucket."""
    block_assets: set[uuid.UUID] | None = None
    """If only the block of its changes was read, the stored assets to match with it."""
    kept: IslandPins = NO_PINS
    """Groups of older rules, which stay as they are until a person has the storage grouped again."""
    _missing: dict[uuid.UUID, list[StoredFile]] | None = None
    _folder_ids: dict[bytes, int] = field(default_factory=dict)

    @property
    def is_block(self) -> bool:
        """Whether only the block of its changes was read."""
        return self.block_assets is not None

    def add(self, file: StoredFile) -> None:
        """Add a file; a frame is also recorded in its bucket."""
        self.files[file.path] = file
        if file.bucket is not None and file.frame is not None:
            place = (file.folder_id, file.bucket)
            if place not in self.buckets:
                folder = file.path.rpartition(b"/")[0]
                self.buckets[place] = FrameBucketState(file.folder_id, folder, file.bucket, {})
            self.buckets[place].note(file.padding, file.frame, file.is_present)
            self.frames.setdefault(place, []).append(file)

    def items(self) -> Iterator[GroupingItem]:
        """Yield the input of the pure function: single files, and frames by bucket."""
        for path, file in self.files.items():
            if file.is_present and (file.bucket is None or path in self.kept):
                described = classify_path(path, self.rules.profile)
                # The row decides whether a name is a frame: a new profile applies only after the row was reclassified.
                is_as_described = described.bucket is None or file.pin is not None
                yield Single(path, described if is_as_described else ClassifiedPath(described.media_class))
        for place, bucket in self.buckets.items():
            item = bucket.to_item()
            kept: dict[int, list[int]] = {}
            for file in self.frames.get(place, ()) if self.kept else ():
                if file.path in self.kept and file.frame is not None:
                    kept.setdefault(file.padding, []).append(file.frame)
            for padding, frames in kept.items():
                item = item.remove(padding, frames)
            if item.runs:
                yield item

    def bucket_key_of(self, folder: bytes, key: bytes) -> tuple[int, bytes]:
        """Return the bucket key (folder id, name key) of a folder's path."""
        if not self._folder_ids:
            self._folder_ids = {bucket.folder: folder_id for (folder_id, _), bucket in self.buckets.items()}
        return self._folder_ids[folder], key

    def pins(self) -> IslandPins:
        """Return the manual grouping of this island, and the groups of older rules."""
        by_hand = {path: file.pin for path, file in self.files.items() if file.pin is not None}
        return IslandPins({**self.kept.by_path, **by_hand}, self.kept.by_sequence)

    @property
    def keeps_groups(self) -> bool:
        """Whether older rules grouped it, so that its assets stay as they are."""
        return self.claim.rules_version is not None and self.claim.rules_version < RULES_VERSION and self.claim.done > 0

    def is_whole(self, place: tuple[int, bytes]) -> bool:
        """Whether every frame of a bucket is among `files`."""
        return sum(file.is_present for file in self.frames.get(place, ())) == self.buckets[place].count

    def newly_missing(self) -> dict[uuid.UUID, list[StoredFile]]:
        """Return members that went missing since the last finish, by file set."""
        if self._missing is None:
            self._missing = {}
            for file in self.files.values():
                if file.status in ABSENT_STATUSES and file.seen > self.claim.done and file.file_set_id is not None:
                    self._missing.setdefault(file.file_set_id, []).append(file)
        return self._missing

    def empty_paths(self) -> list[bytes]:
        """Return paths of empty files that are in no file set."""
        return [path for path, file in self.files.items() if file.size == 0 and file.file_set_id is None]


@dataclass(slots=True)
class IslandSnapshot:
    """Islands with all assets that hold any of their files, read in one transaction."""

    islands: dict[int, IslandState]
    assets: dict[uuid.UUID, StoredAsset]
    asset_of_set: dict[uuid.UUID, uuid.UUID]
    """Asset ids by file set id, without pinned formats, which rules must not continue."""
    file_sets_of_bucket: dict[tuple[int, bytes], dict[int, FileSet]]
    """File sets that are exactly one sequence of a bucket, by bucket key and padding."""


def keep_stored_groups(state: IslandState, found: IslandSnapshot) -> IslandPins:
    """Return pins that leave the files of stored file sets where they are."""
    pins = {row.id: _stored_pin(asset, row) for asset in found.assets.values() for row in asset.file_sets.values()}
    by_path = {
        path: pins[file.file_set_id]
        for path, file in state.files.items()
        if file.pin is None and file.file_set_id in found.asset_of_set
    }
    by_sequence = {}
    for place, sets in found.file_sets_of_bucket.items():
        if place not in state.buckets:
            continue
        of_sequence = {row.id for row in sets.values() if row.id in found.asset_of_set}
        for padding, row in sets.items():
            if row.id in of_sequence:
                by_sequence[state.buckets[place].folder, place[1], padding] = pins[row.id]
        for file in state.frames.get(place, ()):
            if file.file_set_id in of_sequence:
                by_path.pop(file.path, None)
    return IslandPins(by_path, by_sequence)


def _stored_pin(asset: StoredAsset, row: FileSet) -> FilePin:
    of_format, streams = asset.formats[row.format_id], asset.components.get(row.id)
    component = streams and ComponentPlan(
        streams[0].type, streams[0].name, streams[0].language, tuple(streams[0].flags)
    )
    # Not the asset's id alone: what a person grouped by hand in the same asset is a plan of its own.
    return FilePin(
        f"kept {asset.row.id}",
        str(of_format.id),
        row.label,
        of_format.role.value,
        of_format.structure,
        asset.row.title,
        of_format.name,
        of_format.rule,
        component or None,
    )
