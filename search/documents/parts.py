"""Parts that aggregates contribute to a document, each read in one or two statements for a whole batch: access,
collections, approval, comments, probe results of media, and metadata.

Metadata values are stored in the form of documents, so building one copies them: numbers, booleans, days as
`2024-01-31`, moments in UTC with microseconds. A text is found by its words, an option by its label too.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from search.document import METADATA_TERM_PREFIX, OBJECT_IDS_PARAMETER, format_date_term, group_by_object
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


MAX_INDEXED_RELATIONS = 1_000
"""Limit per asset: a title sequence may be used in every episode of a series."""

SELECT_RELATIONS_TO_INDEX = text("""
    SELECT mine.id, types, others
    FROM unnest(CAST(:ids AS uuid[])) AS mine(id) CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT relation_type) AS types, array_agg(DISTINCT CAST(other AS text)) AS others FROM (
            (SELECT relation_type, related_to_asset_id AS other FROM relation WHERE asset_id = mine.id LIMIT :most)
            UNION ALL
            (SELECT relation_type, asset_id FROM relation WHERE related_to_asset_id = mine.id LIMIT :most)) AS ends
    ) AS related WHERE types IS NOT NULL
""").bindparams(OBJECT_IDS_PARAMETER, most=MAX_INDEXED_RELATIONS)


def read_relation_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read types and other ends of the relations of these assets, whichever end they are."""
    rows = session.execute(SELECT_RELATIONS_TO_INDEX, {"ids": list(ids)})
    return {row.id: DocumentPart(terms={"relation_type": row.types, "related_to_asset_id": row.others}) for row in rows}


SELECT_COPIES_TO_INDEX = text("""
    SELECT file_set.asset_id, min(coalesce(known.verified_copies, 0)) AS copies,
        array_remove(array_agg(DISTINCT CAST(known.duplicate_of AS text)), NULL) AS duplicate_of
    FROM file_set JOIN format ON format.id = file_set.format_id AND format.role = 'original'
    LEFT JOIN file_set_copies AS known ON known.file_set_id = file_set.id
    WHERE file_set.asset_id = ANY(:ids) AND file_set.status <> 'DELETED'
    GROUP BY file_set.asset_id
""").bindparams(OBJECT_IDS_PARAMETER)


def read_copy_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read how many verified copies there are of the originals of assets, and of what they are exact duplicates."""
    found = {}
    for row in session.execute(SELECT_COPIES_TO_INDEX, {"ids": list(ids)}):
        terms: dict[str, list[Any]] = {"verified_copies": [row.copies]}
        if row.duplicate_of:
            terms["duplicate_of"] = row.duplicate_of
        found[row.asset_id] = DocumentPart(terms=terms)
    return found


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


MAX_INDEXED_COMPONENTS = 200
"""Limit per asset: a card may have thousands of clips with the same few values."""

SELECT_MEDIA_TO_INDEX = text("""
    SELECT asset_id, type, media FROM (
        SELECT format.asset_id, component.type, component.media,
            row_number() OVER (PARTITION BY format.asset_id ORDER BY component.id) AS place
        FROM format JOIN component ON component.format_id = format.id
        WHERE format.asset_id = ANY(:ids) AND format.role = 'original' AND component.media <> '{}'
    ) AS facts WHERE place <= :most
""").bindparams(OBJECT_IDS_PARAMETER, most=MAX_INDEXED_COMPONENTS)

CONTAINER_TERMS = ("container", "timecode_start", "reel")
PICTURE_TERMS = ("width", "height", "codec", "pixel_format", "scan", "bits_per_component")
AUDIO_TERMS = ("sample_rate", "channels", "channel_layout")


def read_media_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read the probe results of many assets in one query."""
    found: dict[uuid.UUID, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for row in session.execute(SELECT_MEDIA_TO_INDEX, {"ids": list(ids)}):
        found[row.asset_id].append((row.type, row.media))
    return {asset_id: _media_part(facts) for asset_id, facts in found.items()}


def _media_part(facts: Sequence[tuple[str, Mapping[str, Any]]]) -> DocumentPart:
    terms: dict[str, list[Any]] = {}
    for name, value in _media_terms(facts):
        values = terms.setdefault(name, [])
        if value not in values:
            values.append(value)
    durations = terms.pop("duration_milliseconds", [])
    if durations:
        terms["duration_milliseconds"] = [max(durations)]
    words = [str(value) for name in ("reel", "timecode_start") for value in terms.get(name, ())]
    return DocumentPart(texts={"media": "\n".join(words)} if words else {}, terms=terms)


def _media_terms(facts: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Any]]:
    """Yield every value with its term's name; audio has names of its own where video has the same property."""
    for kind, media in facts:
        if media.get("duration_milliseconds"):
            yield "duration_milliseconds", media["duration_milliseconds"]
        if kind == "GENERAL":
            yield from ((name, media[name]) for name in CONTAINER_TERMS if media.get(name))
        elif kind in ("VIDEO", "IMAGE"):
            yield from ((name, media[name]) for name in PICTURE_TERMS if media.get(name))
            if media.get("frame_rate"):
                yield "frame_rate", round(float(Fraction(media["frame_rate"])), 3)
            yield from ((f"color_{name}", value) for name, value in media.get("color", {}).items())
        elif kind == "AUDIO":
            yield from ((name, media[name]) for name in AUDIO_TERMS if media.get(name))
            if media.get("codec"):
                yield "audio_codec", media["codec"]
        if media.get("language"):
            yield "language", media["language"]


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
    labels = {row.id: {one["value"]: one["label"] for one in row.options} for row in fields}
    return {object_id: _metadata_part(values, fields, labels) for object_id, values in held.items()}


def _metadata_part(
    held: dict[str, list[Any]], fields: Sequence[AnyRow], labels: dict[uuid.UUID, dict[str, str]]
) -> DocumentPart:
    terms: dict[str, list[Any]] = {}
    words: list[str] = []
    for row in fields:
        if values := held.get(str(row.id)):
            terms[METADATA_TERM_PREFIX + row.name] = [_term(value) for value in values]
            if row.field_type not in NON_TEXT_FIELD_TYPES:
                words += _value_words(values, labels[row.id])
    return DocumentPart(texts={"metadata": "\n".join(words)} if words else {}, terms=terms)


def _term(value: Any) -> Any:
    return value[:MAX_TERM_CHARACTERS] if isinstance(value, str) else value


def _value_words(values: Sequence[str], labels: dict[str, str]) -> Iterator[str]:
    for value in values:
        yield value
        if labels.get(value, value) != value:
            yield labels[value]
