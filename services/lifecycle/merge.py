"""Merge of assets, and its reversal: the id of a merged asset resolves to the survivor in one hop.

Permissions never move, so a merge grants no access. History stays under the id that it was written for. The row of the
merged asset keeps its title, permissions and values, so that an unmerge restores it unchanged.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.ingest.changeset import AssetUnmerge
from services.lifecycle.dependents import MergePairs, bind_merge_pairs
from services.lifecycle.dependents_registry import move_dependents, move_dependents_back

# In id order, so that two merges cannot deadlock.
LOCK_ASSETS_FOR_MERGE = text("SELECT FROM asset WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")

# The trigger mark_asset_update marks the documents here and in CLEAR_MERGED_INTO.
SET_MERGED_INTO = text("""
    UPDATE asset SET merged_into = survivor, status = 'DELETED', is_online = false, date_modified = now(),
        date_deleted = coalesce(date_deleted, now())
    FROM unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor) WHERE id = dead
""")

# An asset that a user had deleted before it was merged is deleted again.
CLEAR_MERGED_INTO = text("""
    UPDATE asset SET merged_into = NULL, is_online = true, date_modified = now(),
        status = CASE WHEN deleted_by_user IS NULL THEN 'ACTIVE' ELSE 'DELETED' END,
        date_deleted = CASE WHEN deleted_by_user IS NOT NULL THEN date_deleted END
    FROM unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor)
    WHERE id = dead AND merged_into = survivor
""")


def merge_into_survivors(session: Session, pairs: MergePairs) -> dict[uuid.UUID, dict[str, Any]]:
    """Merge the first asset of each pair into the second; its files, file sets and formats have moved already.

    Returns:
        The dependent rows that moved, by merged asset, to be stored in its history entry for `unmerge_assets`.
    """
    if not pairs:
        return {}
    pairs = sorted(pairs)
    session.execute(LOCK_ASSETS_FOR_MERGE, {"ids": sorted({asset_id for pair in pairs for asset_id in pair})})
    session.execute(SET_MERGED_INTO, bind_merge_pairs(pairs))
    return move_dependents(session, pairs)


def unmerge_assets(session: Session, returns: Sequence[AssetUnmerge]) -> None:
    """Reverse merges: reactivate the assets and move their dependent rows back; files are moved by the caller."""
    if not returns:
        return
    pairs = sorted((back.asset_id, back.holder_id) for back in returns)
    session.execute(LOCK_ASSETS_FOR_MERGE, {"ids": sorted({asset_id for pair in pairs for asset_id in pair})})
    session.execute(CLEAR_MERGED_INTO, bind_merge_pairs(pairs))
    move_dependents_back(session, returns)
