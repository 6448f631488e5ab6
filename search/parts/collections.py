"""Direct collections of an asset. Collections above them are not part of a document but looked up with each query, so
that moving or deleting a collection or changing its permissions rewrites no document of its content."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.documents import IDS, by_object
from search.parts.part import Part

PLACES = text("""
    SELECT asset_id, collection_id, carries_rights FROM collection_asset
    WHERE asset_id = ANY(:ids) ORDER BY asset_id, collection_id
""").bindparams(IDS)


def read_places(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Part]:
    """Read the collections that directly contain these assets, and which of them grant access."""
    places = by_object(session.execute(PLACES, {"ids": list(ids)}))
    return {
        asset_id: Part(
            terms={"in_collections": [str(row.collection_id) for row in rows]},
            collections=[str(row.collection_id) for row in rows if row.carries_rights],
        )
        for asset_id, rows in places.items()
    }
