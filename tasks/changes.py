"""Change set of a finish: rows to add, change and delete, with their history entries; values only."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from models.history import Operation
from tasks.folder_tags import TagRow
from tasks.frame_buckets import FrameBucketState
from tasks.holdings import Return

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """History row without id and time."""

    asset_id: uuid.UUID
    operation: Operation
    description: str
    details: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """Merge of an asset into a survivor, with the text of its history entry."""

    asset_id: uuid.UUID
    survivor_id: uuid.UUID
    description: str
    was: Values | None = None
    """Snapshot of an asset that was merged before; for others it is read at the write."""


@dataclass(slots=True)
class Changes:
    """Changes of one or several islands. `new_*` are rows for COPY; `changed_*` are values by column, with the `id`."""

    new_assets: list[tuple] = field(default_factory=list)
    new_rights: list[tuple] = field(default_factory=list)
    new_tags: list[TagRow] = field(default_factory=list)
    new_formats: list[tuple] = field(default_factory=list)
    new_file_sets: list[Values] = field(default_factory=list)
    new_components: list[tuple] = field(default_factory=list)
    new_members: list[tuple[uuid.UUID, uuid.UUID, int]] = field(default_factory=list)
    """(file id, file set id, bytes) of files without a file set before."""
    moved_members: list[tuple[uuid.UUID, uuid.UUID, int]] = field(default_factory=list)
    """(file id, file set id, bytes) of files that were in another file set."""
    recounted: list[tuple[uuid.UUID, int]] = field(default_factory=list)
    """(file id, bytes) of members with a changed size."""
    buckets: list[FrameBucketState] = field(default_factory=list)
    changed_assets: list[Values] = field(default_factory=list)
    changed_formats: list[Values] = field(default_factory=list)
    changed_file_sets: list[Values] = field(default_factory=list)
    recomposed_sets: list[uuid.UUID] = field(default_factory=list)
    """File sets that get new components."""
    emptied_sets: list[uuid.UUID] = field(default_factory=list)
    emptied_formats: list[uuid.UUID] = field(default_factory=list)
    returned: list[Return] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    copied_rights: list[tuple[uuid.UUID, uuid.UUID]] = field(default_factory=list)
    """(new asset, asset it split from): it gets the same permissions, so that a split grants no access."""
    history: list[HistoryEntry] = field(default_factory=list)
    waits: dict[int, float] = field(default_factory=dict)
    """Seconds until an island has to be grouped again, by island id."""

    def wait(self, island_id: int, seconds: float) -> None:
        """Schedule another grouping of an island; the earliest wins."""
        self.waits[island_id] = min(seconds, self.waits.get(island_id, seconds))

    def tell(self, asset_id: uuid.UUID, operation: Operation, description: str, **details: Any) -> None:
        """Append an entry to an asset's history."""
        self.history.append(HistoryEntry(asset_id, operation, description, details))
