"""Documents of collections: names, readers and the parent collection."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from models.queues.index_queue import MARK_QUEUE
from search.document import NO_APPROVAL, OBJECT_IDS_PARAMETER, Document, format_date_term, unique_values
from search.documents.parts import (
    DocumentPart,
    DocumentPartReader,
    read_approval_parts,
    read_collection_access_parts,
    read_metadata_parts,
)
from search.query.analysis import MAX_ANALYSED_BYTES, replace_unstorable, truncate_utf8

# LEFT JOIN from the mark: a mark without a collection becomes a tombstone.
SELECT_COLLECTIONS_TO_INDEX = text(f"""
    SELECT mark.object_id, mark.revision, collection.id IS NULL OR collection.status <> 'ACTIVE' AS is_gone,
        collection.title, collection.external_id, collection.status, collection.details ->> 'category' AS category,
        collection.parent_id, collection.storage_id, collection.created_by_user, collection.date_created,
        collection.date_modified
    FROM {MARK_QUEUE.view} AS mark LEFT JOIN collection ON collection.id = mark.object_id
    WHERE mark.object_type = 'collections' AND mark.object_id = ANY(:ids)
""").bindparams(OBJECT_IDS_PARAMETER)

COLLECTION_PART_READERS: tuple[DocumentPartReader, ...] = (
    read_collection_access_parts,
    read_metadata_parts,
    read_approval_parts,
)
"""Readers of aggregates that contribute to documents of collections."""


def build_collection_documents(session: Session, ids: Sequence[uuid.UUID]) -> list[Document]:
    """Build documents of collections in five queries, regardless of their number."""
    ids = list(ids)
    rows = session.execute(SELECT_COLLECTIONS_TO_INDEX, {"ids": ids}).all()
    read = [reader(session, ids) for reader in COLLECTION_PART_READERS]
    return [
        Document("collections", row.object_id, row.revision, deleted=True)
        if row.is_gone
        else _collection_document(row, [parts[row.object_id] for parts in read if row.object_id in parts])
        for row in rows
    ]


def _collection_document(row: AnyRow, parts: Sequence[DocumentPart]) -> Document:
    title = truncate_utf8(replace_unstorable(row.title), MAX_ANALYSED_BYTES)
    texts = {"title": title}
    terms: dict[str, list[Any]] = {
        "title": [title],
        "status": [row.status],
        "is_root": [row.parent_id is None],
        "approval_status": [NO_APPROVAL],
        "date_created": [format_date_term(row.date_created)],
        "date_modified": [format_date_term(row.date_modified)],
    }
    if row.external_id:
        texts["external_id"] = replace_unstorable(row.external_id)
    for name in ("external_id", "category", "storage_id", "created_by_user"):
        if (value := getattr(row, name)) is not None:
            terms[name] = [replace_unstorable(str(value))]
    body: dict[str, Any] = {}
    for part in parts:
        texts, terms, body = texts | part.texts, terms | part.terms, body | part.body
    above = [str(row.parent_id)] if row.parent_id else []
    if above:
        terms["in_collections"] = above
    return Document(
        object_type="collections",
        object_id=row.object_id,
        revision=row.revision,
        title=title,
        date_created=row.date_created,
        texts=texts,
        terms=terms,
        readers=unique_values(reader for part in parts for reader in part.readers),
        collections=above,
        # Scalars in the body, because a hit shows most terms as lists.
        body=body | {"parent_id": above[0] if above else None, "is_root": not above, "category": row.category},
    )
