"""Parts that aggregates contribute to a document, and the readers of the small ones: access, collections, approval,
comments."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.document import OBJECT_IDS_PARAMETER, format_date_term, group_by_object
from search.query.analysis import MAX_ANALYSED_BYTES


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """Merged into a document by name; the lists of two parts never share a name."""

    texts: dict[str, str] = field(default_factory=dict)
    """Texts for full-text search, truncated with the other texts to the analyser's limit."""
    terms: dict[str, list[Any]] = field(default_factory=dict)
    readers: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)


DocumentPartReader = Callable[[Session, Sequence[uuid.UUID]], dict[uuid.UUID, DocumentPart]]
"""Reads the parts of many objects in a fixed number of queries; objects without a part are absent."""


def access_part_reader(object_type: str) -> DocumentPartReader:
    """Return the reader of the users and groups with permission to read objects of a type."""
    statement = text(f"""
        SELECT object_id, principal_kind || ':' || principal_id AS reader
        FROM acl_entry WHERE object_type = '{object_type}' AND object_id = ANY(:ids) AND 'read' = ANY(permissions)
        ORDER BY object_id, reader
    """).bindparams(OBJECT_IDS_PARAMETER)

    def read(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
        entries = group_by_object(session.execute(statement, {"ids": list(ids)}))
        return {object_id: DocumentPart(readers=[row.reader for row in rows]) for object_id, rows in entries.items()}

    return read


read_asset_access_parts = access_part_reader("assets")
read_collection_access_parts = access_part_reader("collections")

# Collections above the direct ones are not part of a document but looked up with each query, so that moving or deleting
# a collection or changing its permissions rewrites no document of its content.
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


SELECT_APPROVALS_TO_INDEX = text("""
    SELECT object_id, status, min_number, users, groups, requested_by, request_date, change_date
    FROM approval WHERE object_id = ANY(:ids)
""").bindparams(OBJECT_IDS_PARAMETER)


def read_approval_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read approvals of objects of any kind. E-mail addresses of external reviewers are not indexed."""
    rows = session.execute(SELECT_APPROVALS_TO_INDEX, {"ids": list(ids)})
    return {
        row.object_id: DocumentPart(
            terms={"approval_status": [row.status]},
            body={
                "approval": {
                    "status": row.status,
                    "min_number": row.min_number,
                    "users": [str(each) for each in row.users],
                    "groups": [str(each) for each in row.groups],
                    "requested_by": str(row.requested_by) if row.requested_by else None,
                    "request_date": format_date_term(row.request_date),
                    "change_date": format_date_term(row.change_date),
                }
            },
        )
        for row in rows
    }


# Newest first, so that a truncation at the analyser's limit drops the oldest comments.
SELECT_COMMENTS_TO_INDEX = text("""
    SELECT asset_id, count(*) AS comments, left(string_agg(segment_text, E'\\n' ORDER BY id DESC), :limit) AS said
    FROM segment WHERE asset_id = ANY(:ids) AND segment_type = 'COMMENT' AND status = 'ACTIVE'
    GROUP BY asset_id
""").bindparams(OBJECT_IDS_PARAMETER, limit=MAX_ANALYSED_BYTES)


def read_comment_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read number and text of the comments on these assets."""
    rows = session.execute(SELECT_COMMENTS_TO_INDEX, {"ids": list(ids)})
    return {
        row.asset_id: DocumentPart(texts={"segment_text": row.said}, terms={"comments_count": [row.comments]})
        for row in rows
    }
