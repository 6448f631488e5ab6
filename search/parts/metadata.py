"""Metadata values of an object by field: typed terms for criteria and hits, and texts for full-text search.

Values are stored in the form of documents, so building one copies them: numbers, booleans, days as `2024-01-31`,
moments in UTC with microseconds. A text is found by its words, an option by its label too.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from search.documents import IDS, METADATA
from search.parts.part import Part

LONGEST_TERM = 1_000
"""Longer texts are truncated in terms: no hit needs a whole page, and engines refuse terms of 32 kB."""
NUMBERS_AND_TIMES = frozenset({"integer", "float", "boolean", "date", "datetime"})

VALUES = text("""
    SELECT value.object_id, jsonb_object_agg(value.field_id, value."values") AS held
    FROM metadata_value value JOIN metadata_field field ON field.id = value.field_id
    WHERE value.object_id = ANY(:ids) AND field.date_deleted IS NULL
    GROUP BY value.object_id
""").bindparams(IDS)

FIELDS = text("""
    SELECT id, name, field_type, CASE WHEN field_type = 'drop_down' THEN options ELSE '[]' END AS options
    FROM metadata_field WHERE id = ANY(:ids) ORDER BY name
""").bindparams(IDS)


def read_metadata(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Part]:
    """Read the values of objects of any kind in two queries, regardless of the number of objects and fields."""
    held = {row.object_id: row.held for row in session.execute(VALUES, {"ids": list(ids)})}
    if not held:
        return {}
    known = {uuid.UUID(key) for values in held.values() for key in values}
    fields = session.execute(FIELDS, {"ids": sorted(known)}).all()
    labels = {field.id: {one["value"]: one["label"] for one in field.options} for field in fields}
    return {object_id: _part(values, fields, labels) for object_id, values in held.items()}


def _part(held: dict[str, list[Any]], fields: Sequence[Row[Any]], labels: dict[uuid.UUID, dict[str, str]]) -> Part:
    terms: dict[str, list[Any]] = {}
    words: list[str] = []
    for field in fields:
        values = held.get(str(field.id))
        if values:
            terms[METADATA + field.name] = [_term(value) for value in values]
            if field.field_type not in NUMBERS_AND_TIMES:
                words += _words(values, labels[field.id])
    return Part(texts={"metadata": "\n".join(words)} if words else {}, terms=terms)


def _term(value: Any) -> Any:
    return value[:LONGEST_TERM] if isinstance(value, str) else value


def _words(values: Sequence[str], labels: dict[str, str]) -> Iterator[str]:
    for value in values:
        yield value
        if labels.get(value, value) != value:
            yield labels[value]
