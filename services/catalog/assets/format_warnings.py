"""Warnings of formats: sentences about what cannot be read, shown or verified, which people and searches find.

Several services find something out about one format. Each replaces its own sentences, which `format.media` keeps under
its key, and leaves those of the others.
"""

import uuid
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session


class WarningSource(StrEnum):
    """Who warns: a key of `format.media`."""

    FILE_SETS = "header_warnings"
    """Headers, previews, sidecars, checksum lists and captions: what is stored on the components of file sets."""
    CHECKSUMS = "checksum_warnings"
    """Files that differ from a checksum."""
    RENDITIONS = "rendition_warnings"
    """Renditions of it that could not be made."""


# One statement: two writers of a format wait for each other, and the second one sees the sentences of the first.
# mark_format_update marks the asset's document.
REPLACE_WARNINGS = text("""
    UPDATE format SET date_modified = now(),
        warnings = CAST(:now AS text[]) || ARRAY(
            SELECT said FROM unnest(warnings) WITH ORDINALITY AS kept (said, place)
            WHERE NOT coalesce(media -> CAST(:source AS text), '[]') ? said ORDER BY place),
        media = (media - CAST(:source AS text)) || CASE WHEN CAST(:now AS text[]) = '{}' THEN CAST('{}' AS jsonb)
            ELSE jsonb_build_object(CAST(:source AS text), to_jsonb(CAST(:now AS text[]))) END
    WHERE id = :id AND coalesce(media -> CAST(:source AS text), '[]') <> to_jsonb(CAST(:now AS text[]))
""")
SELECT_WARNINGS = text(
    "SELECT coalesce(media -> CAST(:source AS text), '[]') FROM format WHERE id = :id FOR NO KEY UPDATE"
)


def replace_format_warnings(
    session: Session, format_id: uuid.UUID, source: WarningSource, sentences: Sequence[str]
) -> None:
    """Replace the warnings that a source has about a format; an unchanged format is not written."""
    session.execute(REPLACE_WARNINGS, {"id": format_id, "source": source.value, "now": list(dict.fromkeys(sentences))})


def load_warnings_of_source(session: Session, format_id: uuid.UUID, source: WarningSource) -> list[str]:
    """Load the warnings of a source about a format, which is locked until the end of the transaction."""
    return list(session.scalar(SELECT_WARNINGS, {"id": format_id, "source": source.value}) or ())
