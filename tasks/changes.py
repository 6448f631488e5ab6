"""What a finish writes: rows to add, to change and to take away, and the history that tells of it; values only."""

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
    """One row of history, without its id and time."""

    asset_id: uuid.UUID
    operation: Operation
    description: str
    details: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """An asset that ends in another one, and how its history tells it."""

    asset_id: uuid.UUID
    survivor_id: uuid.UUID
    description: str
    was: Values | None = None
    """What it held, of one that had ended before; of others it is read when it is written."""


@dataclass(slots=True)
class Changes:
    """Rows of one or several islands. `new_*` are COPY rows; `changed_*` are values by column, each with its `id`."""

    new_assets: list[tuple] = field(default_factory=list)
    new_rights: list[tuple] = field(default_factory=list)
    new_tags: list[TagRow] = field(default_factory=list)
    new_formats: list[tuple] = field(default_factory=list)
    new_file_sets: list[Values] = field(default_factory=list)
    new_components: list[tuple] = field(default_factory=list)
    new_members: list[tuple[uuid.UUID, uuid.UUID, int]] = field(default_factory=list)
    """(file, file set, bytes) of files that were in none."""
    moved_members: list[tuple[uuid.UUID, uuid.UUID, int]] = field(default_factory=list)
    """(file, file set, bytes) of files that were in another."""
    recounted: list[tuple[uuid.UUID, int]] = field(default_factory=list)
    """(file, bytes) of members that add another size to their set than before."""
    buckets: list[FrameBucketState] = field(default_factory=list)
    changed_assets: list[Values] = field(default_factory=list)
    changed_formats: list[Values] = field(default_factory=list)
    changed_file_sets: list[Values] = field(default_factory=list)
    recomposed_sets: list[uuid.UUID] = field(default_factory=list)
    """File sets whose components are written anew."""
    emptied_sets: list[uuid.UUID] = field(default_factory=list)
    emptied_formats: list[uuid.UUID] = field(default_factory=list)
    returned: list[Return] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    copied_rights: list[tuple[uuid.UUID, uuid.UUID]] = field(default_factory=list)
    """(asset that parts, the one that held it): it may be seen by nobody who could not see that one."""
    history: list[HistoryEntry] = field(default_factory=list)
    waits: dict[int, float] = field(default_factory=dict)
    """Seconds until an island has to be looked at again, by island."""

    def wait(self, island_id: int, seconds: float) -> None:
        """Ask for another look at an island; the earliest counts."""
        self.waits[island_id] = min(seconds, self.waits.get(island_id, seconds))

    def tell(self, asset_id: uuid.UUID, operation: Operation, description: str, **details: Any) -> None:
        """Add an entry to an asset's history."""
        self.history.append(HistoryEntry(asset_id, operation, description, details))
