"""Registry of asset dependents: the rows besides files that a merge, an unmerge and a purge have to handle.

On merge, comments, collection memberships and relations move to the survivor; permissions and metadata values stay
under the id of the merged asset. An unmerge gives each asset back what it had.

A kind of dependent is one line here. Comments refer to an asset by a column and all move:

    define_moved_rows("segments", Segment.asset_id, Segment.version_id)

Values stay with the merged asset until it is unmerged:

    define_retained_rows("values", Value.object_id, Value.object_type == "assets")

Where the survivor may have an equal row already, as in a collection, a `DependentKind` of three functions defines the
move (`lifecycle/dependent_relations.py` is an example). The result of `move` is stored in history and passed to
`move_back`: mostly ids, and nothing that a reader of the history may not see.

Rows are locked in the order of this list, assets first, and by id within a kind.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from models.acl import AclEntry
from models.approval import Approval
from models.asset import Asset
from models.collection import Favorite
from models.share import Share
from tasks.held_collections import COLLECTIONS
from tasks.held_files import DECLARED_FILES
from tasks.held_metadata import VALUES
from tasks.held_relations import RELATIONS
from tasks.held_renditions import RENDITIONS
from tasks.held_segments import SEGMENTS
from tasks.holding import Holding, Pairs, Parting, moving, staying

HOLDINGS: tuple[Holding, ...] = (
    moving("merged", Asset.merged_into),  # earlier merges into it point to the new survivor: ids resolve in one hop
    staying("rights", AclEntry.object_id, AclEntry.object_type == "assets"),
    VALUES,
    SEGMENTS,
    staying("approvals", Approval.object_id, Approval.object_type == "assets"),
    RELATIONS,
    COLLECTIONS,
    DECLARED_FILES,
    RENDITIONS,
    staying("favorites", Favorite.object_id, Favorite.object_type == "assets"),
    staying("shares", Share.object_id, Share.object_type == "assets"),
)


@dataclass(frozen=True, slots=True)
class Return:
    """Reversal of the merge of one asset: the survivor, and the moved rows as stored in history."""

    asset_id: uuid.UUID
    holder_id: uuid.UUID
    held: Mapping[str, Any]


def move_holdings(session: Session, pairs: Pairs) -> dict[uuid.UUID, dict[str, Any]]:
    """Move the dependents of each merged asset to its survivor; return what moved by asset and kind, for history."""
    moved: dict[uuid.UUID, dict[str, Any]] = {dead: {} for dead, _ in pairs}
    if pairs:
        for holding in HOLDINGS:
            for dead, held in holding.move(session, pairs).items():
                moved[dead][holding.name] = held
    return moved


def give_back_holdings(session: Session, returns: Sequence[Return]) -> None:
    """Move dependents back to the assets that they belonged to before the merge."""
    for holding in HOLDINGS:
        partings = [
            Parting(back.asset_id, back.holder_id, back.held[holding.name])
            for back in returns
            if holding.name in back.held
        ]
        if partings:
            holding.give_back(session, partings)


def remove_holdings(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Delete the dependents of purged assets."""
    if ids:
        for holding in HOLDINGS:
            holding.remove(session, ids)
