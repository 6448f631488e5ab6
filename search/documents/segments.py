"""Documents of segments, visible to all users who can find their asset.

The document stores the asset's readers, so it is marked again when the asset's readers or collections change.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from models.queues.index_queue import MARK_QUEUE
from search.document import OBJECT_IDS_PARAMETER, Document, format_date_term
from search.documents.parts import (
    DocumentPart,
    read_asset_access_parts,
    read_collection_parts,
    read_metadata_parts,
)
from search.query.analysis import MAX_ANALYSED_BYTES, replace_unstorable, truncate_utf8

MAX_SEGMENT_TITLE_CHARACTERS = 200
"""Limit of the text used as a title: clients require one, and segments have none."""
SPOKEN_SEGMENT_TYPES = ("TRANSCRIPTION", "SEMANTIC_TRANSCRIPTION")

# LEFT JOIN from the mark: a mark without a segment becomes a tombstone.
SELECT_SEGMENTS_TO_INDEX = text(f"""
    SELECT mark.object_id, mark.revision,
        segment.id IS NULL OR segment.status <> 'ACTIVE' OR asset.status <> 'ACTIVE' OR asset.merged_into IS NOT NULL,
        segment.*
    FROM {MARK_QUEUE.view} AS mark
    LEFT JOIN segment ON segment.id = mark.object_id LEFT JOIN asset ON asset.id = segment.asset_id
    WHERE mark.object_type = 'segments' AND mark.object_id = ANY(:ids)
""").bindparams(OBJECT_IDS_PARAMETER)

SEGMENT_TERM_COLUMNS = (
    *("asset_id", "version_id", "made_on", "segment_type", "status", "parent_id", "time_start_milliseconds"),
    *("time_end_milliseconds", "segment_color", "segment_track", "segment_checked", "is_internal", "external_id"),
    *("person_id", "project_id", "transcription_id", "user_id", "share_id"),
)
"""Columns that are terms under their own names."""


def build_segment_documents(session: Session, ids: Sequence[uuid.UUID]) -> list[Document]:
    """Build documents of segments in five queries, regardless of the number of segments and assets."""
    segments = session.execute(SELECT_SEGMENTS_TO_INDEX, {"ids": list(ids)}).all()
    assets = list({row.asset_id for row in segments if row.asset_id is not None})
    access = read_asset_access_parts(session, assets)
    places = read_collection_parts(session, assets)
    metadata = read_metadata_parts(session, ids)
    return [
        Document("segments", row[0], row[1], deleted=True)
        if row[2]
        else _segment_document(
            row,
            access.get(row.asset_id, DocumentPart()).readers,
            places.get(row.asset_id, DocumentPart()),
            metadata.get(row[0], DocumentPart()),
        )
        for row in segments
    ]


def _segment_document(row: AnyRow, readers: list[str], places: DocumentPart, metadata: DocumentPart) -> Document:
    said = truncate_utf8(replace_unstorable(row.segment_text), MAX_ANALYSED_BYTES // 2)
    texts = {"segment_text": said, **metadata.texts}
    if row.segment_type in SPOKEN_SEGMENT_TYPES:
        texts["transcription_text"] = said
    terms: dict[str, list[Any]] = {
        name: [_column_term(row, name)] for name in SEGMENT_TERM_COLUMNS if getattr(row, name) is not None
    }
    terms |= {
        "date_created": [format_date_term(row.date_created)],
        "date_modified": [format_date_term(row.date_modified)],
    }
    terms |= metadata.terms
    return Document(
        object_type="segments",
        object_id=row[0],
        revision=row[1],
        title=segment_title(row.segment_type, said),
        date_created=row.date_created,
        texts=texts,
        terms=terms,
        readers=readers,
        collections=places.collections,
        body={"segment_text": said, "in_collections": places.terms.get("in_collections", [])},
    )


def segment_title(segment_type: str, said: str) -> str:
    """Return the title for lists: the beginning of the text, or the type without text."""
    first = " ".join(said.split())[:MAX_SEGMENT_TITLE_CHARACTERS]
    return first or segment_type


def _column_term(row: AnyRow, name: str) -> Any:
    value = getattr(row, name)
    return str(value) if isinstance(value, uuid.UUID) else value
