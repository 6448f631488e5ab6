"""Snapshots of assets merged automatically, stored in history so that a later split can restore them.

When rules no longer join files (a file was renamed, a partner left, the profile changed), the part that was an asset
before becomes that asset again: id, title and formats come from the history entry of its merge.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.catalog.asset import Asset, FileSet, Format
from models.core.statements import in_array

MAX_SNAPSHOT_FILE_IDS = 1_000
"""File ids stored per file set; further files are identified by its folder, name and frame ranges."""

# One JSON document of formats, file sets and file ids per asset, to be stored in the history entry of the merge.
SELECT_SNAPSHOT_FORMATS = text("""
    SELECT format.asset_id, jsonb_agg(jsonb_build_object(
        'id', format.id, 'name', format.name, 'role', format.role, 'structure', format.structure,
        'rule', format.rule, 'file_sets', coalesce(of_format.sets, '[]')) ORDER BY format.id) AS formats
    FROM format LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
            'id', file_set.id, 'label', label, 'name', file_set.name, 'base_dir', base_dir,
            'storage', storage_id, 'file_count', file_count, 'frames', frames,
            'files', (SELECT coalesce(jsonb_agg(file_id ORDER BY file_id), '[]') FROM (
                SELECT file_id FROM file_set_file WHERE file_set_id = file_set.id ORDER BY file_id LIMIT :most
            ) AS first)) ORDER BY file_set.id) AS sets
        FROM file_set WHERE file_set.format_id = format.id
    ) AS of_format ON true
    WHERE format.asset_id = ANY(:ids) GROUP BY format.asset_id
""")

# Only if the last merge was automatic: an asset that was merged manually is unmerged only manually.
SELECT_MERGE_ENTRIES = text("""
    SELECT asset.id, ended.details FROM asset JOIN LATERAL (
        SELECT details FROM history WHERE history.asset_id = asset.id
            AND (jsonb_exists(details, 'was') OR details ->> 'act' = 'by hand')
        ORDER BY history.id DESC LIMIT 1
    ) AS ended ON jsonb_exists(ended.details, 'was')
    WHERE asset.merged_into = ANY(:holders)
""")


@dataclass(slots=True)
class MergeSnapshot:
    """Merged asset as it was before the merge."""

    row: Asset
    holder_id: uuid.UUID
    was: dict[str, Any]
    held: dict[str, Any]
    living: frozenset[uuid.UUID] = field(default_factory=frozenset)
    """Ids of its formats and file sets that still exist, in any asset."""

    def formats(self) -> Iterable[dict[str, Any]]:
        """Return its formats."""
        formats: list[dict[str, Any]] = self.was["formats"]
        return formats

    def file_sets(self) -> Iterable[dict[str, Any]]:
        """Iterate over its file sets."""
        return (file_set for part in self.formats() for file_set in part["file_sets"])

    def format_of_file(self) -> dict[uuid.UUID, uuid.UUID]:
        """Return format ids by file id."""
        return {
            uuid.UUID(file): uuid.UUID(part["id"])
            for part in self.formats()
            for file_set in part["file_sets"]
            for file in file_set["files"]
        }

    def set_of_file(self) -> dict[uuid.UUID, uuid.UUID]:
        """Return file set ids by file id."""
        return {uuid.UUID(file): uuid.UUID(each["id"]) for each in self.file_sets() for file in each["files"]}

    def counts(self) -> dict[uuid.UUID, int]:
        """Return the number of files by file set id."""
        return {uuid.UUID(each["id"]): max(each["file_count"], len(each["files"])) for each in self.file_sets()}

    def long_sets(self) -> set[uuid.UUID]:
        """Return file sets that may have had more files than `MAX_SNAPSHOT_FILE_IDS`."""
        return {uuid.UUID(each["id"]) for each in self.file_sets() if len(each["files"]) >= MAX_SNAPSHOT_FILE_IDS}

    def count(self) -> int:
        """Return the number of its files."""
        return sum(self.counts().values())


def build_merge_snapshots(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return assets with their formats and file sets as JSON, for the history entries of their merge."""
    formats = {}
    if ids:
        for row in session.execute(SELECT_SNAPSHOT_FORMATS, {"ids": list(ids), "most": MAX_SNAPSHOT_FILE_IDS}):
            formats[row.asset_id] = row.formats
    rows = session.execute(select(Asset.id, Asset.title, Asset.external_id).where(in_array(Asset.id, ids)))
    return {
        row.id: {"title": row.title, "external_id": row.external_id, "formats": formats.get(row.id, [])} for row in rows
    }


def load_merge_snapshots(session: Session, holders: Collection[uuid.UUID]) -> list[MergeSnapshot]:
    """Load the snapshots of all assets that were merged into these automatically."""
    if not holders:
        return []
    ends = {row.id: row.details for row in session.execute(SELECT_MERGE_ENTRIES, {"holders": list(holders)})}
    rows = session.scalars(select(Asset).where(in_array(Asset.id, ends)).order_by(Asset.id)) if ends else ()
    found = [
        MergeSnapshot(row, row.merged_into, ends[row.id]["was"], ends[row.id].get("held", {}))
        for row in rows
        if row.merged_into is not None
    ]
    ids = {uuid.UUID(each["id"]) for taken in found for part in taken.formats() for each in (part, *part["file_sets"])}
    living = frozenset(
        (
            *session.scalars(select(Format.id).where(in_array(Format.id, ids))),
            *session.scalars(select(FileSet.id).where(in_array(FileSet.id, ids))),
        )
    )
    for taken in found:
        taken.living = living
    return found
