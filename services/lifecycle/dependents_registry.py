"""Registry of asset dependents: the rows besides files that a merge, an unmerge and a purge have to handle.

On merge, comments, collection memberships and relations move to the survivor; permissions and metadata values stay
under the id of the merged asset. An unmerge gives each asset back what it had.

A kind of dependent is one line here. Comments refer to an asset by a column and all move:

    define_moved_rows("segments", Segment.asset_id, Segment.version_id)

Values stay with the merged asset until it is unmerged:

    DependentKind("values", remove_rows(Value.object_id, where=Value.object_type == "assets"))

Where the survivor may have an equal row already, as in a collection, a `DependentKind` of three functions defines the
move (`lifecycle/dependent_relations.py` is an example). The result of `move` is stored in history and passed to
`move_back`: mostly ids, and nothing that a reader of the history may not see.

Rows are locked in the order of this list, assets first, and by id within a kind.
"""

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
from models.core.sessions import in_array
from services.catalog.segments.segments import hard_delete_segments
from services.ingest.changeset import AssetUnmerge
from services.lifecycle.dependent_files import DEPENDENT_DECLARED_FILES, DEPENDENT_RENDITIONS
from services.lifecycle.dependent_relations import DEPENDENT_COLLECTIONS, DEPENDENT_RELATIONS
from services.lifecycle.dependents import (
    DependentKind,
    DependentUnmerge,
    MergePairs,
    define_moved_rows,
    remove_rows,
)

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
