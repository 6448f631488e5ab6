"""Effects of an ingest on other domains: hooks that run in its transaction. Ingest knows none of these domains.

The processes that group hand in the hooks (`services.ingest_effects`); a domain that follows ingest adds one there.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from models.access.acl import Actor
from services.ingest.changeset import AssetUnmerge, CreatedAsset
from services.ingest.state import IslandState

INGEST_ACTOR = Actor("ingest")


@dataclass(frozen=True, slots=True)
class IngestWrite:
    """What one transaction of ingest writes, as hooks see it."""

    changed_sets: set[uuid.UUID]
    """File sets that get other files, or other content."""
    new_sets: set[uuid.UUID]
    """Those of new assets."""
    created: Sequence[CreatedAsset]
    finished: Sequence[IslandState]
    """Islands whose last change is in this transaction."""


IngestHook = Callable[[Session, IngestWrite], object]


@dataclass(frozen=True, slots=True)
class IngestEffects:
    """Hooks of other domains; `merge` and `unmerge` move the rows of assets that ingest knows nothing of."""

    merge: Callable[[Session, Sequence[tuple[uuid.UUID, uuid.UUID]]], dict[uuid.UUID, dict[str, Any]]]
    """Merges the first asset of each pair into the second; returns the moved rows by merged asset, for `unmerge`."""
    unmerge: Callable[[Session, Sequence[AssetUnmerge]], None]
    before: tuple[IngestHook, ...]
    """Called before the first write, when file sets are still where they were."""
    after: tuple[IngestHook, ...]
    """Called in this order after the last write."""
