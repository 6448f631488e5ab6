"""Direct collections of an asset. Collections above them are not part of a document but looked up with each query, so
that moving or deleting a collection or changing its permissions rewrites no document of its content."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.document import OBJECT_IDS_PARAMETER, group_by_object
from search.documents.parts.part import DocumentPart

SELECT_ASSET_COLLECTIONS = text("""
    SELECT asset_id, collection_id, carries_rights FROM collection_asset
    WHERE asset_id = ANY(:ids) ORDER BY asset_id, collection_id
""").bindparams(OBJECT_IDS_PARAMETER)


def read_collection_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read the collections that directly contain these assets, and which of them grant access."""
    places = group_by_object(session.execute(SELECT_ASSET_COLLECTIONS, {"ids": list(ids)}))
    return {
        asset_id: DocumentPart(
            terms={"in_collections": [str(row.collection_id) for row in rows]},
            collections=[str(row.collection_id) for row in rows if row.carries_rights],
        )
        for asset_id, rows in places.items()
    }
