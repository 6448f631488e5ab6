"""Departures: what becomes of stored assets and file sets of which no plan continues anything.

A file set is written by the finish of the island that owns it. Where a member moved to another island and went missing
there before that one was grouped, its island only records the loss, and has the owner grouped again.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping

from models.catalog.asset import FileSet
from services.ingest.changeset import IngestChanges
from services.ingest.file_set_summary import EMPTY_FILE_SET_COLUMNS
from services.ingest.state import IslandState, StoredAsset
from services.ingest.update import record_missing_members


def settle_departures(
    stored: StoredAsset,
    is_continued: bool,
    islands: Mapping[int, IslandState],
    kept: Collection[uuid.UUID],
    changes: IngestChanges,
) -> None:
    """Take an asset offline that has no present files, or empty its file sets without any.

    Args:
        is_continued: a plan continues the asset, and has cleared what rules made.
        kept: file sets that a plan continues or has cleared.
    """
    if not is_continued and _may_take_offline(stored, islands):
        take_asset_offline(stored, islands.values(), changes)
        return
    if not is_continued:
        empty_vanished_sets(stored, islands, {*kept, *stored.sets_elsewhere}, changes)
    elif stored.pinned_formats:
        empty_vanished_sets(stored, islands, kept, changes)
    has_files = is_continued or stored.is_needed_elsewhere
    for row in stored.file_sets.values():
        if row.island_id is None or row.island_id in islands or row.id in kept:
            continue
        has_lost = any(row.id in island.newly_missing() for island in islands.values())
        for island in islands.values():
            record_missing_members(island, row.id, stored.row.id, changes)
        if row.file_count and (has_lost or not has_files):
            changes.owner_islands.add(row.island_id)


def _may_take_offline(stored: StoredAsset, islands: Mapping[int, IslandState]) -> bool:
    """Whether the asset has no present files, and is of these islands or counts files in no other."""
    home = stored.row.island_id
    if stored.is_needed_elsewhere or home is None:
        return False
    counted = {row.island_id for row in stored.file_sets.values() if row.file_count}
    return home in islands or counted <= islands.keys()


def empty_vanished_sets(
    stored: StoredAsset, islands: Mapping[int, IslandState], kept: Collection[uuid.UUID], changes: IngestChanges
) -> None:
    """Empty the file sets of a partly manually grouped asset that no plan continues: plans of pins change only their
    own formats, and plans of rules none with pins."""
    for row in stored.file_sets.values():
        if row.island_id in islands and row.id not in kept and row.id not in stored.given:
            _empty_file_set(row, islands.values(), changes)


def _empty_file_set(row: FileSet, islands: Iterable[IslandState], changes: IngestChanges) -> None:
    for island in islands:
        record_missing_members(island, row.id, row.asset_id, changes)
    if row.file_count:
        changes.changed_file_sets.append({"id": row.id, "told_count": 0, **EMPTY_FILE_SET_COLUMNS})


def take_asset_offline(stored: StoredAsset, islands: Collection[IslandState], changes: IngestChanges) -> None:
    """Take an asset without present files offline; it is kept, because its files may come back."""
    for row in stored.file_sets.values():
        if row.island_id is not None and row.id not in stored.given:
            _empty_file_set(row, islands, changes)
    changes.changed_formats.extend(
        {"id": row.id, "is_online": False}
        for row in stored.formats.values()
        if row.is_online and row.id not in stored.given and stored.may_take_offline(row.id)
    )
    if stored.row.is_online:
        changes.changed_assets.append({"id": stored.row.id, "is_online": False})
