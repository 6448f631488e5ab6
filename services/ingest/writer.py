"""Bulk writer of ingest changes: COPY for new rows, one statement per table for changed ones."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry
from models.catalog.asset import Asset, Component, FileSet, FileSetFile, Format
from models.catalog.history import Operation
from models.core.base import Base
from models.core.statements import copy_rows, in_array
from services.core.history import HistoryEntry, copy_history
from services.ingest.changeset import (
    AssetMerge,
    ColumnValues,
    IngestChanges,
    find_changed_sets,
    find_sets_of_new_assets,
)
from services.ingest.effects import INGEST_ACTOR, IngestEffects, IngestWrite
from services.ingest.frame_buckets import write_frame_buckets
from services.ingest.merged_assets import build_merge_snapshots
from services.ingest.state import IslandState

INGEST_FILE_SET_COLUMNS = [
    *("id", "asset_id", "format_id", "version_id", "storage_id", "island_id", "label", "name", "base_dir", "type"),
    *("file_count", "size_bytes", "names", "note", "first_frame", "last_frame", "frame_step", "padding", "frames"),
    *("missing_frames", "missing", "empty_frames", "told_count", "bucket_folder_id", "bucket_key"),
]
INGEST_MEMBER_COLUMNS = ("file_id", "file_set_id", "counted_bytes")
INGEST_COMPONENT_COLUMNS = ("id", "format_id", "file_set_id", "name", "type", "language", "flags")
INGEST_FORMAT_COLUMNS = ("id", "asset_id", "version_id", "name", "role", "structure", "rule")
INGEST_ASSET_COLUMNS = ("id", "title", "external_id", "island_id", "created_by_user")
INGEST_ACL_COLUMNS = ("object_id", "object_type", "principal_id", "principal_kind", "permissions")

# Ordered by file, so that two writers lock rows in the same order.
UPSERT_FILE_SET_MEMBERS = text("""
    INSERT INTO file_set_file (file_id, file_set_id, counted_bytes)
    SELECT * FROM unnest(CAST(:files AS uuid[]), CAST(:sets AS uuid[]), CAST(:sizes AS bigint[])) AS t (f, s, b)
    ORDER BY f
    ON CONFLICT (file_id) DO UPDATE
    SET file_set_id = excluded.file_set_id, counted_bytes = excluded.counted_bytes, rewritten = false
""")

UPDATE_COUNTED_BYTES = text("""
    UPDATE file_set_file SET counted_bytes = t.b
    FROM unnest(CAST(:files AS uuid[]), CAST(:sizes AS bigint[])) AS t (f, b) WHERE file_id = t.f
""")

MARK_REWRITTEN_MEMBERS = text("UPDATE file_set_file SET rewritten = true WHERE file_id = ANY(:files)")
RESET_REWRITTEN_MEMBERS = text(
    "UPDATE file_set_file SET rewritten = false WHERE file_set_id = ANY(:sets) AND rewritten"
)

DELETE_FILE_SET_COMPONENTS = text("DELETE FROM component WHERE file_set_id = ANY(:sets)")

DELETE_EMPTY_FILE_SETS = text("""
    DELETE FROM file_set WHERE id = ANY(:sets)
        AND NOT EXISTS (SELECT FROM file_set_file WHERE file_set_file.file_set_id = file_set.id)
""")

DELETE_EMPTY_FORMATS = text("""
    DELETE FROM format WHERE id = ANY(:formats)
        AND NOT EXISTS (SELECT FROM file_set WHERE file_set.format_id = format.id)
    RETURNING asset_id, name
""")


def write_ingest_changes(
    session: Session, changes: IngestChanges, finished: Sequence[IslandState], effects: IngestEffects
) -> None:
    """Write all changes and their effects on other domains in the session's transaction.

    The caller holds the locks of the islands, of which those in `finished` have no further changes.
    """
    # The triggers mark_asset_*, mark_format_*, mark_file_set_*, mark_acl_entry_insert, mark_metadata_value_insert and
    # mark_component_* mark the documents, once per transaction; queue_component_insert, queue_file_set_update and
    # queue_sidecar_* queue media for reading. Foreign keys determine the order of the statements.
    written = IngestWrite(find_changed_sets(changes), find_sets_of_new_assets(changes), changes.created, finished)
    for hook in effects.before:
        hook(session, written)
    ended = build_merge_snapshots(session, [ending.asset_id for ending in changes.asset_merges if ending.was is None])
    effects.unmerge(session, changes.unmerged)
    copy_rows(session, Asset, INGEST_ASSET_COLUMNS, changes.new_assets)
    if changes.new_rights:
        copy_rows(session, AclEntry, INGEST_ACL_COLUMNS, changes.new_rights)
    if changes.copied_rights:
        copy_rows(session, AclEntry, INGEST_ACL_COLUMNS, _copied_rights(session, changes.copied_rights))
    _update_rows(session, Asset, changes.changed_assets)
    copy_rows(session, Format, INGEST_FORMAT_COLUMNS, changes.new_formats)
    _update_rows(session, Format, changes.changed_formats)
    rows = ([values[column] for column in INGEST_FILE_SET_COLUMNS] for values in changes.new_file_sets)
    copy_rows(session, FileSet, INGEST_FILE_SET_COLUMNS, rows)
    _update_rows(session, FileSet, changes.changed_file_sets)
    if changes.recomposed_sets:
        session.execute(DELETE_FILE_SET_COMPONENTS, {"sets": changes.recomposed_sets})
    copy_rows(session, Component, INGEST_COMPONENT_COLUMNS, changes.new_components)
    copy_rows(session, FileSetFile, INGEST_MEMBER_COLUMNS, changes.new_members)
    _upsert_members(session, changes.moved_members)
    _update_counted_bytes(session, changes.recounted)
    if changes.rewritten:
        session.execute(MARK_REWRITTEN_MEMBERS, {"files": changes.rewritten})
    if changes.reported_sets:
        session.execute(RESET_REWRITTEN_MEMBERS, {"sets": changes.reported_sets})
    write_frame_buckets(session, changes.buckets)
    _delete_empty_rows(session, changes)
    held = effects.merge(session, [(ending.asset_id, ending.survivor_id) for ending in changes.asset_merges])
    merged = [_merge_entry(ending, ended, held) for ending in changes.asset_merges]
    copy_history(session, [*changes.history, *merged], INGEST_ACTOR)
    for hook in effects.after:
        hook(session, written)


def _merge_entry(
    ending: AssetMerge, ended: Mapping[uuid.UUID, ColumnValues], held: Mapping[uuid.UUID, ColumnValues]
) -> HistoryEntry:
    """Build the history entry of a merge; its snapshot allows a later split to restore the asset."""
    details = {
        "merged_into": str(ending.survivor_id),
        "was": ending.was or ended[ending.asset_id],
        "held": held[ending.asset_id],
    }
    return HistoryEntry(ending.asset_id, Operation.CUSTOM, ending.description, details)


def _update_rows(session: Session, table: type[Base], changed: Sequence[ColumnValues]) -> None:
    """Update rows with the same columns in one executemany, in id order so that two writers cannot deadlock."""
    by_columns: dict[tuple[str, ...], list[ColumnValues]] = {}
    for values in sorted(changed, key=lambda values: values["id"]):
        by_columns.setdefault(tuple(values), []).append(values)
    for columns, rows in by_columns.items():
        statement = (
            update(table.__table__)
            .where(table.__table__.c.id == bindparam("new_id"))
            .values({c: bindparam(f"new_{c}") for c in columns if c != "id"} | {"date_modified": func.now()})
        )
        session.connection().execute(statement, [{f"new_{c}": row[c] for c in columns} for row in rows])


def _copied_rights(session: Session, pairs: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[tuple[Any, ...]]:
    """Return rows that grant on the first asset of each pair the own and inherited rights of the second.

    A list, not an iterator: the connection cannot run queries during COPY.
    """
    rights: dict[uuid.UUID, dict[tuple[uuid.UUID, str], set[str]]] = {}
    holders = in_array(AclEntry.object_id, {holder for _, holder in pairs})
    for entry in session.scalars(select(AclEntry).where(AclEntry.object_type == "assets", holders)):
        of_holder = rights.setdefault(entry.object_id, {})
        of_holder.setdefault((entry.principal_id, entry.principal_kind.value), set()).update(entry.permissions)
    return [
        (asset_id, "assets", principal_id, kind, [each for each in ALL_PERMISSIONS if each in permissions])
        for asset_id, holder_id in pairs
        for (principal_id, kind), permissions in rights.get(holder_id, {}).items()
    ]


def _upsert_members(session: Session, members: Sequence[tuple[uuid.UUID, uuid.UUID, int]]) -> None:
    if members:
        files, sets, sizes = zip(*members, strict=True)
        session.execute(UPSERT_FILE_SET_MEMBERS, {"files": list(files), "sets": list(sets), "sizes": list(sizes)})


def _update_counted_bytes(session: Session, members: Sequence[tuple[uuid.UUID, int]]) -> None:
    if members:
        files, sizes = zip(*members, strict=True)
        session.execute(UPDATE_COUNTED_BYTES, {"files": list(files), "sizes": list(sizes)})


def _delete_empty_rows(session: Session, changes: IngestChanges) -> None:
    if changes.emptied_sets:
        session.execute(DELETE_EMPTY_FILE_SETS, {"sets": changes.emptied_sets})
    if changes.emptied_formats:
        session.execute(DELETE_EMPTY_FORMATS, {"formats": changes.emptied_formats})
