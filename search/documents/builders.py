"""Builders of documents, one for each type of object, and the size limit of a batch."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.queues.index_queue import DocumentKey
from search.document import OBJECT_IDS_PARAMETER, Document
from search.documents.assets import build_asset_documents
from search.documents.collections import build_collection_documents
from search.documents.segments import build_segment_documents
from search.query.analysis import MAX_ANALYSED_BYTES

DOCUMENT_BUILDERS: dict[str, Callable[[Session, Sequence[uuid.UUID]], list[Document]]] = {
    "assets": build_asset_documents,
    "collections": build_collection_documents,
    "segments": build_segment_documents,
}


def build_documents(session: Session, keys: Iterable[DocumentKey]) -> list[Document]:
    """Build documents of all `keys` that have a mark, in no particular order; run it in one snapshot.

    Raises:
        KeyError: no builder for the type of a key, which is a fault of a migration.
    """
    by_type: dict[str, list[uuid.UUID]] = defaultdict(list)
    for object_type, object_id in keys:
        by_type[object_type].append(object_id)
    return [document for kind in by_type for document in DOCUMENT_BUILDERS[kind](session, by_type[kind])]


SELECT_LARGE_FILE_SETS = text("""
    SELECT asset_id, sum(octet_length(names)) FROM file_set WHERE asset_id = ANY(:ids)
    GROUP BY asset_id HAVING sum(octet_length(names)) > :light
""").bindparams(OBJECT_IDS_PARAMETER)


# pg_column_size reads the stored size, so only long values are decompressed to be measured.
SELECT_LARGE_METADATA = text("""
    SELECT object_id, sum(CASE WHEN pg_column_size("values") > 500 THEN octet_length("values"::text) ELSE 500 END)
    FROM metadata_value WHERE object_id = ANY(:ids) GROUP BY object_id HAVING sum(pg_column_size("values")) > 500
""").bindparams(OBJECT_IDS_PARAMETER)


def count_fitting_documents(
    session: Session, keys: Sequence[DocumentKey], limit_bytes: int, light_bytes: int = 8_000
) -> int:
    """Return how many of the first `keys` fit into `limit_bytes` together; 1 or more.

    Text sizes are queried before any text is read; smaller texts count as `light_bytes`.
    """
    ids = [key.object_id for key in keys if key.object_type == "assets"]
    heavy = {row[0]: row[1] for row in session.execute(SELECT_LARGE_FILE_SETS, {"ids": ids, "light": light_bytes})}
    every = [key.object_id for key in keys]
    values = {row[0]: row[1] for row in session.execute(SELECT_LARGE_METADATA, {"ids": every})}
    left = limit_bytes
    for place, key in enumerate(keys):
        left -= min(int(heavy.get(key.object_id, light_bytes)), MAX_ANALYSED_BYTES) + int(values.get(key.object_id, 0))
        if left < 0:
            return max(place, 1)
    return len(keys)
