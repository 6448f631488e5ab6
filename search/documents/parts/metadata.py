"""Metadata values of an object by field: typed terms for criteria and hits, and texts for full-text search.

Values are stored in the form of documents, so building one copies them: numbers, booleans, days as `2024-01-31`,
moments in UTC with microseconds. A text is found by its words, an option by its label too.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from search.document import METADATA_TERM_PREFIX, OBJECT_IDS_PARAMETER
from search.documents.parts.part import DocumentPart

MAX_TERM_CHARACTERS = 1_000
"""Longer texts are truncated in terms: no hit needs a whole page, and engines refuse terms of 32 kB."""
NON_TEXT_FIELD_TYPES = frozenset({"integer", "float", "boolean", "date", "datetime"})

SELECT_VALUES_TO_INDEX = text("""
    SELECT value.object_id, jsonb_object_agg(value.field_id, value."values") AS held
    FROM metadata_value value JOIN metadata_field field ON field.id = value.field_id
    WHERE value.object_id = ANY(:ids) AND field.date_deleted IS NULL
    GROUP BY value.object_id
""").bindparams(OBJECT_IDS_PARAMETER)

SELECT_FIELDS_TO_INDEX = text("""
    SELECT id, name, field_type, CASE WHEN field_type = 'drop_down' THEN options ELSE '[]' END AS options
    FROM metadata_field WHERE id = ANY(:ids) ORDER BY name
""").bindparams(OBJECT_IDS_PARAMETER)


def read_metadata_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read the values of objects of any kind in two queries, regardless of the number of objects and fields."""
    held = {row.object_id: row.held for row in session.execute(SELECT_VALUES_TO_INDEX, {"ids": list(ids)})}
    if not held:
        return {}
    known = {uuid.UUID(key) for values in held.values() for key in values}
    fields = session.execute(SELECT_FIELDS_TO_INDEX, {"ids": sorted(known)}).all()
    labels = {field.id: {one["value"]: one["label"] for one in field.options} for field in fields}
    return {object_id: _metadata_part(values, fields, labels) for object_id, values in held.items()}


def _metadata_part(
    held: dict[str, list[Any]], fields: Sequence[AnyRow], labels: dict[uuid.UUID, dict[str, str]]
) -> DocumentPart:
    terms: dict[str, list[Any]] = {}
    words: list[str] = []
    for field in fields:
        values = held.get(str(field.id))
        if values:
            terms[METADATA_TERM_PREFIX + field.name] = [_term(value) for value in values]
            if field.field_type not in NON_TEXT_FIELD_TYPES:
                words += _value_words(values, labels[field.id])
    return DocumentPart(texts={"metadata": "\n".join(words)} if words else {}, terms=terms)


def _term(value: Any) -> Any:
    return value[:MAX_TERM_CHARACTERS] if isinstance(value, str) else value


def _value_words(values: Sequence[str], labels: dict[str, str]) -> Iterator[str]:
    for value in values:
        yield value
        if labels.get(value, value) != value:
            yield labels[value]
