"""Renditions on merge and unmerge: they follow the formats that they were transcoded from.

The triggers mark_format_update and mark_file_set_update mark the documents.
"""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

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
from services.renditions.registry import MOVE_RENDITION_FILE_SETS

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


def _keep_to_foreign_keys(_session: Session, _ids: Collection[uuid.UUID]) -> None:
    """Delete nothing: foreign keys delete the rows with the asset, and the rendition cleanup the files later."""


DEPENDENT_RENDITIONS = DependentKind("renditions", _move_renditions, _move_renditions_back, _keep_to_foreign_keys)
