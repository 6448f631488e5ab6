"""Builders of documents, one for each type of object, and the size limit of a batch."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.index_queue import DocumentKey
from search.analysis import MAX_BYTES
from search.asset_documents import build_assets
from search.collection_documents import build_collections
from search.documents import IDS, Document
from search.segment_documents import build_segments

BUILDERS: dict[str, Callable[[Session, Sequence[uuid.UUID]], list[Document]]] = {
    "assets": build_assets,
    "collections": build_collections,
    "segments": build_segments,
}


def build_documents(session: Session, keys: Iterable[DocumentKey]) -> list[Document]:
    """Build documents of all `keys` that have a mark, in no particular order; run it in one snapshot.

    Raises:
        KeyError: no builder for the type of a key, which is a fault of a migration.
    """
    by_type: dict[str, list[uuid.UUID]] = defaultdict(list)
    for object_type, object_id in keys:
        by_type[object_type].append(object_id)
    return [document for kind in by_type for document in BUILDERS[kind](session, by_type[kind])]


HEAVY = text("""
    SELECT asset_id, sum(octet_length(names)) FROM file_set WHERE asset_id = ANY(:ids)
    GROUP BY asset_id HAVING sum(octet_length(names)) > :light
""").bindparams(IDS)


# pg_column_size reads the stored size, so only long values are decompressed to be measured.
HEAVY_VALUES = text("""
    SELECT object_id, sum(CASE WHEN pg_column_size("values") > 500 THEN octet_length("values"::text) ELSE 500 END)
    FROM metadata_value WHERE object_id = ANY(:ids) GROUP BY object_id HAVING sum(pg_column_size("values")) > 500
""").bindparams(IDS)


def fitting(session: Session, keys: Sequence[DocumentKey], limit_bytes: int, light_bytes: int = 8_000) -> int:
    """Return how many of the first `keys` fit into `limit_bytes` together; 1 or more.

    Text sizes are queried before any text is read; smaller texts count as `light_bytes`.
    """
    ids = [key.object_id for key in keys if key.object_type == "assets"]
    heavy = {row[0]: row[1] for row in session.execute(HEAVY, {"ids": ids, "light": light_bytes})}
    values = dict(session.execute(HEAVY_VALUES, {"ids": [key.object_id for key in keys]}).all())
    left = limit_bytes
    for place, key in enumerate(keys):
        left -= min(int(heavy.get(key.object_id, light_bytes)), MAX_BYTES) + int(values.get(key.object_id, 0))
        if left < 0:
            return max(place, 1)
    return len(keys)
