"""Comments on an asset: their text for full-text search, and their number."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.analysis import MAX_BYTES
from search.documents import IDS
from search.parts.part import Part

# Newest first, so that a truncation at the analyser's limit drops the oldest comments.
COMMENTS = text("""
    SELECT asset_id, count(*) AS comments, left(string_agg(segment_text, E'\\n' ORDER BY id DESC), :limit) AS said
    FROM segment WHERE asset_id = ANY(:ids) AND segment_type = 'COMMENT' AND status = 'ACTIVE'
    GROUP BY asset_id
""").bindparams(IDS, limit=MAX_BYTES)


def read_comments(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Part]:
    """Read number and text of the comments on these assets."""
    rows = session.execute(COMMENTS, {"ids": list(ids)})
    return {
        row.asset_id: Part(texts={"segment_text": row.said}, terms={"comments_count": [row.comments]}) for row in rows
    }
