"""Declared files on merge: they move to the survivor with their file sets and formats.

Grouping moves formats of scanned files itself; declared ones are in none of its plans.
The triggers mark_file_set_update and mark_format_update mark the documents.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from models.catalog.declared_file import DeclaredFile
from models.core.bulk import in_array
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
)

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


def _delete_declared_files(session: Session, ids: Collection[uuid.UUID]) -> None:
    statement = delete(DeclaredFile).where(in_array(DeclaredFile.asset_id, ids))
    session.execute(statement.execution_options(synchronize_session=False))


DEPENDENT_DECLARED_FILES = DependentKind(
    "declared_files", _move_declared_files, _move_declared_files_back, _delete_declared_files
)
