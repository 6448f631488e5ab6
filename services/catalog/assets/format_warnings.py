"""Warnings of formats: sentences about what cannot be read, shown or verified, which people and searches find.

Several services find something out about one format. Each replaces its own sentences, which `format.media` keeps under
its key, and leaves those of the others.
"""

import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.encoding import encode_json


class WarningSource(StrEnum):
    """Who warns: a key of `format.media`."""

    FILE_SETS = "header_warnings"
    """Headers, previews, sidecars, checksum lists and captions: what is stored on the components of file sets."""
    CHECKSUMS = "checksum_warnings"
    """Files that differ from a checksum."""
    RENDITIONS = "rendition_warnings"
    """Renditions of it that could not be made."""


# One statement for all formats: two writers of a format wait for each other, and the second one sees the sentences of
# the first. mark_format_update marks the documents of their assets.
REPLACE_WARNINGS = text("""
    UPDATE format SET date_modified = now(),
        warnings = wanted.said || ARRAY(
            SELECT said FROM unnest(warnings) WITH ORDINALITY AS kept (said, place)
            WHERE NOT coalesce(media -> CAST(:source AS text), '[]') ? said ORDER BY place),
        media = (media - CAST(:source AS text)) || CASE WHEN wanted.said = '{}' THEN CAST('{}' AS jsonb)
            ELSE jsonb_build_object(CAST(:source AS text), to_jsonb(wanted.said)) END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS wanted (id uuid, said text[])
    WHERE format.id = wanted.id AND coalesce(media -> CAST(:source AS text), '[]') <> to_jsonb(wanted.said)
""")
SELECT_WARNINGS = text(
    "SELECT coalesce(media -> CAST(:source AS text), '[]') FROM format WHERE id = :id FOR NO KEY UPDATE"
)


def replace_format_warnings(
    session: Session, source: WarningSource, sentences: Mapping[uuid.UUID, Sequence[str]]
) -> None:
    """Replace the warnings that a source has about each of these formats; an unchanged format is not written.

    Callers with several formats have locked them in the order of their ids.
    """
    rows = [{"id": str(format_id), "said": list(dict.fromkeys(said))} for format_id, said in sentences.items()]
    session.execute(REPLACE_WARNINGS, {"rows": encode_json(rows).decode(), "source": source.value})


def load_warnings_of_source(session: Session, format_id: uuid.UUID, source: WarningSource) -> list[str]:
    """Load the warnings of a source about a format, which is locked until the end of the transaction."""
    return list(session.scalar(SELECT_WARNINGS, {"id": format_id, "source": source.value}) or ())
