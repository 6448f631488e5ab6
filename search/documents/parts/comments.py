"""Comments on an asset: their text for full-text search, and their number."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.document import OBJECT_IDS_PARAMETER
from search.documents.parts.part import DocumentPart
from search.query.analysis import MAX_ANALYSED_BYTES

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
