"""What an asset holds besides its files, in one list: so that a merge, a parting and a purge forget nothing.

When assets merge, comments, collections and relations go over to the one that lives on; its own rights and values
stay, and the other's are kept under the other's id. When they part again, each gets back what it had.

An aggregate is one line here. Comments hang on an asset by a column and simply move:

    moving("segments", Segment.asset_id, Segment.version_id)

Values stay with the asset that ends, and come back with it:

    staying("values", Value.object_id, Value.object_type == "assets")

Where the survivor may have the same already, as in a collection, the aggregate says itself how it moves, in a `Holding`
of three functions (`tasks/held_relations.py` is one), and what `move` returns is what `give_back` is handed, through
history: ids mostly, nothing that anybody may not read.

The order of the list is the order in which rows are locked; assets come first, and all rows by their ids.
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
    moving("merged", Asset.merged_into),  # those that ended in it before answer with the survivor: one hop
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
    """An asset that comes back from the one that it had ended in, with what history says that moved."""

    asset_id: uuid.UUID
    holder_id: uuid.UUID
    held: Mapping[str, Any]


def move_holdings(session: Session, pairs: Pairs) -> dict[uuid.UUID, dict[str, Any]]:
    """Move everything of each first asset to its second; give what moved by asset and name, for history."""
    moved: dict[uuid.UUID, dict[str, Any]] = {dead: {} for dead, _ in pairs}
    if pairs:
        for holding in HOLDINGS:
            for dead, held in holding.move(session, pairs).items():
                moved[dead][holding.name] = held
    return moved


def give_back_holdings(session: Session, returns: Sequence[Return]) -> None:
    """Give assets back what moved when they ended."""
    for holding in HOLDINGS:
        partings = [
            Parting(back.asset_id, back.holder_id, back.held[holding.name])
            for back in returns
            if holding.name in back.held
        ]
        if partings:
            holding.give_back(session, partings)


def remove_holdings(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Remove what purged assets hold."""
    if ids:
        for holding in HOLDINGS:
            holding.remove(session, ids)
