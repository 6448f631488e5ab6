"""Formats on merge that are in no plan of grouping, which moves formats of scanned files itself.

1. Declared files move to the survivor with their file sets and formats.
2. Renditions follow the formats that they were transcoded from.

The triggers mark_file_set_update and mark_format_update mark the documents.
"""

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.file import DeclaredFile
from models.core.statements import AnyRow
from services.lifecycle.dependents import (
    MERGE_PAIRS_SQL,
    UNMERGE_ROWS_SQL,
    DependentKind,
    DependentUnmerge,
    MergePairs,
    MovedByAsset,
    bind_merge_pairs,
    bind_unmerge_rows,
    group_ids_by_asset,
    remove_rows,
)
from services.renditions.registry import MOVE_RENDITION_FILE_SETS

# A file set with declared files and without scanned ones.
IS_DECLARED_ONLY = """
    EXISTS (SELECT FROM declared_file WHERE declared_file.file_set_id = file_set.id)
    AND NOT EXISTS (SELECT FROM file_set_file WHERE file_set_file.file_set_id = file_set.id)
"""

MOVE_DECLARED_FILES = text(f"""
    WITH held AS (
        SELECT declared_file.id, dead, survivor FROM declared_file JOIN {MERGE_PAIRS_SQL} ON asset_id = dead
        ORDER BY declared_file.id FOR UPDATE OF declared_file
    )
    UPDATE declared_file SET asset_id = survivor FROM held WHERE declared_file.id = held.id
    RETURNING dead, declared_file.id
""")

MOVE_DECLARED_FILE_SETS = text(f"""
    UPDATE file_set SET asset_id = survivor, version_id = survivor FROM {MERGE_PAIRS_SQL}
    WHERE asset_id = dead AND {IS_DECLARED_ONLY}
""")

MOVE_DECLARED_FORMATS = text(f"""
    UPDATE format SET asset_id = survivor, version_id = survivor FROM {MERGE_PAIRS_SQL}
    WHERE format.asset_id = dead
        AND EXISTS (SELECT FROM file_set WHERE format_id = format.id AND file_set.asset_id = survivor)
""")

MOVE_BACK_DECLARED_FILES = text(f"""
    UPDATE declared_file SET asset_id = owner FROM {UNMERGE_ROWS_SQL}
    WHERE declared_file.id = back.id AND asset_id = holder
    RETURNING declared_file.file_set_id, owner
""")

MOVE_BACK_DECLARED_FILE_SETS = text(f"""
    UPDATE file_set SET asset_id = owner, version_id = owner FROM {UNMERGE_ROWS_SQL}
    WHERE file_set.id = back.id AND asset_id = holder AND {IS_DECLARED_ONLY}
    RETURNING file_set.format_id, owner
""")

MOVE_BACK_DECLARED_FORMATS = text(f"""
    UPDATE format SET asset_id = owner, version_id = owner FROM {UNMERGE_ROWS_SQL}
    WHERE format.id = back.id AND format.asset_id = holder
        AND NOT EXISTS (SELECT FROM file_set WHERE format_id = format.id AND file_set.asset_id <> owner)
""")


def _move_declared_files(session: Session, pairs: MergePairs) -> MovedByAsset:
    parameters = bind_merge_pairs(pairs)
    moved = session.execute(MOVE_DECLARED_FILES, parameters).all()
    if moved:
        session.execute(MOVE_DECLARED_FILE_SETS, parameters)
        session.execute(MOVE_DECLARED_FORMATS, parameters)
    return group_ids_by_asset(moved)


def _move_declared_files_back(session: Session, unmerges: Sequence[DependentUnmerge]) -> None:
    """Move back files, then their file sets, then the formats of which every file set moved back."""
    holder_of = {parting.asset_id: parting.holder_id for parting in unmerges}

    def of_owners(rows: Iterable[AnyRow]) -> dict[str, list[uuid.UUID]]:
        owners = {row[0]: row[1] for row in rows}
        holders = [holder_of[owner] for owner in owners.values()]
        return {"ids": list(owners), "owners": list(owners.values()), "holders": holders}

    files = session.execute(MOVE_BACK_DECLARED_FILES, bind_unmerge_rows(unmerges))
    file_sets = session.execute(MOVE_BACK_DECLARED_FILE_SETS, of_owners(files))
    session.execute(MOVE_BACK_DECLARED_FORMATS, of_owners(file_sets))


DEPENDENT_DECLARED_FILES = DependentKind(
    "declared_files", remove_rows(DeclaredFile.asset_id), _move_declared_files, _move_declared_files_back
)

# For manual merges, which move files but leave renditions behind; in merges by rule their formats have moved already.
MOVE_RENDITIONS = text(f"""
    WITH held AS (
        SELECT format.id, dead, survivor FROM format JOIN {MERGE_PAIRS_SQL} ON asset_id = dead
        WHERE format.rule = 'transcode' ORDER BY format.id FOR UPDATE OF format
    )
    UPDATE format SET asset_id = survivor, version_id = survivor FROM held WHERE format.id = held.id
    RETURNING dead, format.id
""")

MOVE_BACK_RENDITIONS = text(f"""
    UPDATE format SET asset_id = owner, version_id = owner FROM {UNMERGE_ROWS_SQL}
    WHERE format.id = back.id AND asset_id = holder RETURNING format.id
""")


def _move_renditions(session: Session, pairs: MergePairs) -> MovedByAsset:
    moved = session.execute(MOVE_RENDITIONS, bind_merge_pairs(pairs)).all()
    if moved:
        session.execute(MOVE_RENDITION_FILE_SETS, {"formats": [row.id for row in moved]})
    return group_ids_by_asset(moved)


def _move_renditions_back(session: Session, unmerges: Sequence[DependentUnmerge]) -> None:
    back = session.scalars(MOVE_BACK_RENDITIONS, bind_unmerge_rows(unmerges)).all()
    if back:
        session.execute(MOVE_RENDITION_FILE_SETS, {"formats": back})


# Foreign keys delete the rows with the asset, and the rendition cleanup deletes the files later.
DEPENDENT_RENDITIONS = DependentKind("renditions", lambda _session, _ids: None, _move_renditions, _move_renditions_back)
