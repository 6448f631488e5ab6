"""Collections as a tree, as far as a reader may see it."""

import uuid
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, readable_by
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus

MAX_TREE_COLLECTIONS = 1_000


@dataclass(slots=True)
class CollectionNode:
    """A collection with those inside it; one whose parent the reader may not see is at the top."""

    row: Collection
    inside: list["CollectionNode"] = field(default_factory=list)


def load_collection_tree(session: Session, actor: Actor) -> tuple[list[CollectionNode], bool]:
    """Load the collections that the actor reads, the upper levels first; also return whether there are more."""
    query = (
        select(Collection)
        .where(Collection.status == CollectionStatus.ACTIVE, readable_by(actor, COLLECTION_KIND, Collection.id))
        .order_by(func.cardinality(Collection.path), Collection.position.asc().nulls_last(), Collection.title)
    )
    rows = session.scalars(query.limit(MAX_TREE_COLLECTIONS + 1)).all()
    nodes: dict[uuid.UUID, CollectionNode] = {}
    top: list[CollectionNode] = []
    for row in rows[:MAX_TREE_COLLECTIONS]:
        node = nodes[row.id] = CollectionNode(row)
        above = next((nodes[step] for step in reversed(row.path[:-1]) if step in nodes), None)
        (top if above is None else above.inside).append(node)
    return top, len(rows) > MAX_TREE_COLLECTIONS
