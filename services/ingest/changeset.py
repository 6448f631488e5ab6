"""Change set of a finish: rows to add, change and delete, with their history entries; values only."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.catalog.history import Operation
from services.core.history import HistoryEntry
from services.ingest.frame_buckets import FrameBucketState
from services.ingest.state import StorageRules

ColumnValues = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CreatedAsset:
    """New asset: its id, the path of its main file, and the rules of its storage."""

    asset_id: uuid.UUID
    main_path: bytes
    rules: StorageRules


@dataclass(frozen=True, slots=True)
class AssetUnmerge:
    """Reversal of the merge of one asset: the survivor, and the moved rows as stored in history."""

    asset_id: uuid.UUID
    holder_id: uuid.UUID
    held: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AssetMerge:
    """Merge of an asset into a survivor, with the text of its history entry."""

    asset_id: uuid.UUID
    survivor_id: uuid.UUID
    description: str
    was: ColumnValues | None = None
    """Snapshot of an asset that was merged before; for others it is read at the write."""


@dataclass(slots=True)
class IngestChanges:
    """Changes of one or several islands. `new_*` are rows for COPY; `changed_*` are values by column, with the `id`."""

    new_assets: list[tuple[Any, ...]] = field(default_factory=list)
    new_rights: list[tuple[Any, ...]] = field(default_factory=list)
    created: list[CreatedAsset] = field(default_factory=list)
    new_formats: list[tuple[Any, ...]] = field(default_factory=list)
    new_file_sets: list[ColumnValues] = field(default_factory=list)
    new_components: list[tuple[Any, ...]] = field(default_factory=list)
    new_members: list[tuple[uuid.UUID, uuid.UUID, int]] = field(default_factory=list)
    """(file id, file set id, bytes) of files without a file set before."""
    moved_members: list[tuple[uuid.UUID, uuid.UUID, int]] = field(default_factory=list)
    """(file id, file set id, bytes) of files that were in another file set."""
    recounted: list[tuple[uuid.UUID, int]] = field(default_factory=list)
    """(file id, bytes) of members with a changed size."""
    rewritten: list[uuid.UUID] = field(default_factory=list)
    """Members that their file sets count as rewritten from now on; once each, however often they are written."""
    reported_sets: list[uuid.UUID] = field(default_factory=list)
    """File sets whose rewritten members are in history now."""
    buckets: list[FrameBucketState] = field(default_factory=list)
    changed_assets: list[ColumnValues] = field(default_factory=list)
    changed_formats: list[ColumnValues] = field(default_factory=list)
    changed_file_sets: list[ColumnValues] = field(default_factory=list)
    recomposed_sets: list[uuid.UUID] = field(default_factory=list)
    """File sets that get new components."""
    emptied_sets: list[uuid.UUID] = field(default_factory=list)
    emptied_formats: list[uuid.UUID] = field(default_factory=list)
    unmerged: list[AssetUnmerge] = field(default_factory=list)
    asset_merges: list[AssetMerge] = field(default_factory=list)
    copied_rights: list[tuple[uuid.UUID, uuid.UUID]] = field(default_factory=list)
    """(new asset, asset it split from): it gets the same permissions, so that a split grants no access."""
    history: list[HistoryEntry] = field(default_factory=list)
    waits: dict[int, float] = field(default_factory=dict)
    """Seconds until an island has to be grouped again, by island id."""
    owner_islands: set[int] = field(default_factory=set)
    """Other islands that own file sets whose members went missing in these: they are grouped again in full."""

    def wait(self, island_id: int, seconds: float) -> None:
        """Schedule another grouping of an island; the earliest wins."""
        self.waits[island_id] = min(seconds, self.waits.get(island_id, seconds))

    def tell(self, asset_id: uuid.UUID, operation: Operation, description: str, **details: Any) -> None:
        """Append an entry to an asset's history."""
        self.history.append(HistoryEntry(asset_id, operation, description, details))


CONTENT_COLUMNS = frozenset(
    {"asset_id", "format_id", "file_count", "size_bytes", "names", "frames", "missing_frames", "changed_at"}
)
"""Columns of a file set that show a change of its files; `changed_at` also that of a file that was counted already."""


def find_changed_sets(changes: IngestChanges) -> set[uuid.UUID]:
    """Return the ids of the file sets that an ingest transaction gives other files."""
    changed = {values["id"] for values in changes.changed_file_sets if values.keys() & CONTENT_COLUMNS}
    members = {set_id for _, set_id, _ in (*changes.new_members, *changes.moved_members)}
    return changed | members | {values["id"] for values in changes.new_file_sets} | set(changes.emptied_sets)


def find_sets_of_new_assets(changes: IngestChanges) -> set[uuid.UUID]:
    """Return the file sets of assets that this ingest transaction creates: no captions were imported from them."""
    new = {row[0] for row in changes.new_assets}
    return {values["id"] for values in changes.new_file_sets if values["asset_id"] in new}
