"""Merge of assets, and its reversal: the id of a merged asset resolves to the survivor in one hop.

Permissions never move, and `lifecycle/rights.py` holds that a merge grants no access: who may merge what by hand, and
what an automatic merge leaves to whom. History stays under the id that it was written for. The row of the merged asset
keeps its title, permissions and values, so that an unmerge restores it unchanged.

A merge, an unmerge and a purge have to handle rows besides files: comments, collection memberships and relations move
to the survivor; permissions and metadata values stay under the id of the merged asset. An unmerge gives each asset back
what it had. A kind of dependent is one line of `DEPENDENT_KINDS`. Comments refer to an asset by a column and all move:

    define_moved_rows("segments", Segment.asset_id, Segment.version_id)

Values stay with the merged asset until it is unmerged:

    DependentKind("values", remove_rows(Value.object_id, where=Value.object_type == "assets"))

Where the survivor may have an equal row already, as in a collection, a `DependentKind` of three functions defines the
move (`lifecycle/dependent_relations.py` is an example). The result of `move` is stored in history and passed to
`move_back`: mostly ids, and nothing that a reader of the history may not see.

Rows are locked in the order of that list, assets first, and by id within a kind."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry
from models.access.share import Share
from models.catalog.approval import Approval
from models.catalog.asset import Asset
from models.catalog.collection import Favorite
from models.catalog.segment import Segment
from models.core.statements import in_array
from services.catalog.segments.segments import hard_delete_segments
from services.ingest.changeset import AssetUnmerge
from services.ingest.effects import INGEST_ACTOR
from services.lifecycle.dependent_files import DEPENDENT_DECLARED_FILES, DEPENDENT_RENDITIONS
from services.lifecycle.dependent_relations import DEPENDENT_COLLECTIONS, DEPENDENT_RELATIONS
from services.lifecycle.dependents import (
    DependentKind,
    DependentUnmerge,
    MergePairs,
    bind_merge_pairs,
    define_moved_rows,
    remove_rows,
)
from services.lifecycle.rights import narrow_survivor_rights, return_survivor_rights

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


def merge_automatically(session: Session, pairs: MergePairs) -> dict[uuid.UUID, dict[str, Any]]:
    """Merge by the rules; on a survivor, rights are left to those who have them on what merges into it too."""
    narrow_survivor_rights(session, pairs, INGEST_ACTOR)
    return merge_into_survivors(session, pairs)


def unmerge_assets(session: Session, returns: Sequence[AssetUnmerge]) -> None:
    """Reverse merges: reactivate the assets and move their dependent rows back; files are moved by the caller."""
    if not returns:
        return
    pairs = sorted((back.asset_id, back.holder_id) for back in returns)
    session.execute(LOCK_ASSETS_FOR_MERGE, {"ids": sorted({asset_id for pair in pairs for asset_id in pair})})
    session.execute(CLEAR_MERGED_INTO, bind_merge_pairs(pairs))
    move_dependents_back(session, returns)
    return_survivor_rights(session, [back.holder_id for back in returns], INGEST_ACTOR)


# Of the asset and of its segments. The trigger mark_metadata_value_delete marks the documents.
DELETE_ASSET_VALUES = text("""
    DELETE FROM metadata_value WHERE object_id = ANY(CAST(:ids AS uuid[]))
        OR object_id IN (SELECT id FROM segment WHERE asset_id = ANY(CAST(:ids AS uuid[])))
""")


def _delete_values(session: Session, ids: Collection[uuid.UUID]) -> None:
    session.execute(DELETE_ASSET_VALUES, {"ids": sorted(ids)})


def _delete_segments(session: Session, ids: Collection[uuid.UUID]) -> None:
    hard_delete_segments(session, in_array(Segment.asset_id, ids))


DEPENDENT_KINDS: tuple[DependentKind, ...] = (
    define_moved_rows(
        "merged", Asset.merged_into
    ),  # earlier merges into it point to the new survivor: ids resolve in one hop
    DependentKind("rights", remove_rows(AclEntry.object_id, where=AclEntry.object_type == "assets")),
    DependentKind("values", _delete_values),
    define_moved_rows("segments", Segment.asset_id, Segment.version_id, remove=_delete_segments),
    DependentKind("approvals", remove_rows(Approval.object_id, where=Approval.object_type == "assets")),
    DEPENDENT_RELATIONS,
    DEPENDENT_COLLECTIONS,
    DEPENDENT_DECLARED_FILES,
    DEPENDENT_RENDITIONS,
    DependentKind("favorites", remove_rows(Favorite.object_id, where=Favorite.object_type == "assets")),
    DependentKind("shares", remove_rows(Share.object_id, where=Share.object_type == "assets")),
)


def move_dependents(session: Session, pairs: MergePairs) -> dict[uuid.UUID, dict[str, Any]]:
    """Move the dependents of each merged asset to its survivor; return what moved by asset and kind, for history."""
    moved: dict[uuid.UUID, dict[str, Any]] = {dead: {} for dead, _ in pairs}
    if pairs:
        for holding in DEPENDENT_KINDS:
            for dead, held in holding.move(session, pairs).items():
                moved[dead][holding.name] = held
    return moved


def move_dependents_back(session: Session, returns: Sequence[AssetUnmerge]) -> None:
    """Move dependents back to the assets that they belonged to before the merge."""
    for holding in DEPENDENT_KINDS:
        unmerges = [
            DependentUnmerge(back.asset_id, back.holder_id, back.held[holding.name])
            for back in returns
            if holding.name in back.held
        ]
        if unmerges:
            holding.move_back(session, unmerges)


def delete_dependents(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Delete the dependents of purged assets."""
    if ids:
        for holding in DEPENDENT_KINDS:
            holding.remove(session, ids)
