"""Writer of probe results: components with their facts, and warnings of formats, in a few statements per batch.

Grouping creates components from the file name; a header gives their facts and may add others. The added ones, and one
component GENERAL for the file as a whole, belong to the header (`from_header`): grouping neither compares nor deletes
them.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.base import new_id
from models.core.statements import AnyRow
from search.encoding import encode_json
from services.catalog.assets.format_warnings import WarningSource, replace_format_warnings
from services.media.probe_summary import (
    ERROR_KEYS,
    NOTE_KEYS,
    PICTURE_TYPES,
    FormatPart,
    ProbeFacts,
    ProbeSummary,
    list_format_warnings,
)

GENERAL_TYPE = "GENERAL"

PLANNED_COMPONENTS = text("""
    SELECT id, file_set_id, type FROM component
    WHERE file_set_id = ANY(CAST(:sets AS uuid[])) AND NOT from_header ORDER BY id
""")

# FOR KEY SHARE: a file set cannot be deleted before its components are committed; id order avoids deadlocks.
LOCK_FILE_SETS = text("""
    SELECT id FROM file_set WHERE id = ANY(CAST(:sets AS uuid[])) ORDER BY id FOR KEY SHARE
""")

# Writes to component are marked for indexing by mark_component_insert, _update and _delete.
DELETE_HEADER_COMPONENTS = text("DELETE FROM component WHERE file_set_id = ANY(CAST(:sets AS uuid[])) AND from_header")

UPDATE_COMPONENT_MEDIA = text("""
    UPDATE component SET media = said.media
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS said (id uuid, media jsonb)
    WHERE component.id = said.id AND component.media IS DISTINCT FROM said.media
""")

INSERT_HEADER_COMPONENTS = text("""
    INSERT INTO component (id, format_id, file_set_id, name, type, language, media, from_header)
    SELECT said.id, file_set.format_id, file_set.id, said.name, said.type, said.language, said.media, true
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS said (id uuid, file_set_id uuid, name text, type text, language text, media jsonb)
    JOIN file_set ON file_set.id = said.file_set_id
    ORDER BY said.id
""")

# Almost all formats have one file set and nothing to report; this query skips them. FOR UPDATE: concurrent batches of
# one format recompute its warnings one after the other.
WARNING_KEYS = ", ".join(f"'{key}'" for key in (*ERROR_KEYS, *NOTE_KEYS))
FORMATS_TO_WARN = text(f"""
    SELECT format.id, format.structure FROM format WHERE format.id IN
        (SELECT format_id FROM file_set WHERE id = ANY(CAST(:sets AS uuid[])))
    AND (format.media ? 'header_warnings' OR format.structure IN ('separate_tracks', 'stereoscopic', 'multi_camera')
        OR EXISTS (SELECT FROM component WHERE component.format_id = format.id AND component.type = 'GENERAL'
            AND component.media ?| ARRAY[{WARNING_KEYS}]))
    ORDER BY format.id FOR UPDATE
""")

COMPONENTS_OF_FORMATS = text("""
    SELECT format.id AS format_id, file_set.id AS file_set_id, file_set.name, file_set.label, component.type,
        component.media
    FROM format JOIN file_set ON file_set.format_id = format.id
    JOIN component ON component.file_set_id = file_set.id AND component.media <> '{}'
    WHERE format.id = ANY(CAST(:formats AS uuid[])) ORDER BY format.id, file_set.id, component.id
""")


def write_probe_results(session: Session, described: Mapping[uuid.UUID, ProbeSummary]) -> None:
    """Replace what is stored about file sets by their summaries; the caller has fenced their media work."""
    sets = list(described)
    session.execute(LOCK_FILE_SETS, {"sets": sets})
    planned: dict[uuid.UUID, list[AnyRow]] = defaultdict(list)
    for row in session.execute(PLANNED_COMPONENTS, {"sets": sets}):
        planned[row.file_set_id].append(row)
    told: list[ProbeFacts] = []
    added: list[ProbeFacts] = []
    for file_set_id, facts in described.items():
        general = dict(facts.general) | ({"notes": list(facts.notes)} if facts.notes else {})
        added.append(build_general_component(file_set_id, general))
        rows = planned[file_set_id]
        mine, others = assign_streams([row.type for row in rows], facts.streams)
        pairs = zip(rows, mine, strict=True)
        told += [{"id": str(row.id), "media": stream or {}} for row, stream in pairs]
        added += [_build_stream_component(file_set_id, stream, place) for place, stream in enumerate(others, 1)]
    if told:
        session.execute(UPDATE_COMPONENT_MEDIA, {"rows": encode_json(told).decode()})
    replace_header_components(session, sets, added)
    update_header_warnings(session, sets)


def replace_header_components(session: Session, sets: Sequence[uuid.UUID], components: Sequence[ProbeFacts]) -> None:
    """Replace the header components of file sets.

    All rows are one JSON parameter: in text arrays the driver escapes each quotation mark, which took a third of our
    CPU time per header.
    """
    session.execute(DELETE_HEADER_COMPONENTS, {"sets": list(sets)})
    session.execute(INSERT_HEADER_COMPONENTS, {"rows": encode_json(components).decode()})


def build_general_component(file_set_id: uuid.UUID, facts: ProbeFacts) -> ProbeFacts:
    """Build the row of the component for a file set as a whole."""
    return _build_component(file_set_id, "General", GENERAL_TYPE, None, facts)


def _build_stream_component(file_set_id: uuid.UUID, stream: ProbeFacts, place: int) -> ProbeFacts:
    name = stream.get("title") or f"{stream['type'].lower()} {place}"
    return _build_component(file_set_id, name, stream["type"], stream.get("language"), stream)


def _build_component(
    file_set_id: uuid.UUID, name: str, kind: str, language: str | None, facts: ProbeFacts
) -> ProbeFacts:
    ids = {"id": str(new_id()), "file_set_id": str(file_set_id)}
    return {**ids, "name": name, "type": kind, "language": language, "media": facts}


def assign_streams(
    types: Sequence[str], streams: Sequence[ProbeFacts]
) -> tuple[list[ProbeFacts | None], list[ProbeFacts]]:
    """Return the stream of each planned component, the next of its type, and the streams without one.

    VIDEO and IMAGE match each other, because a still is both.
    """
    left = list(streams)
    planned_streams: list[ProbeFacts | None] = []
    for wanted in types:
        kinds = PICTURE_TYPES if wanted in PICTURE_TYPES else (wanted,)
        stream = next((one for one in left if one["type"] in kinds), None)
        if stream is not None:
            left.remove(stream)
        planned_streams.append(stream)
    return planned_streams, left


def update_header_warnings(session: Session, sets: Sequence[uuid.UUID]) -> None:
    """Update the header warnings of the formats of these file sets; other warnings stay."""
    formats = {row.id: row.structure for row in session.execute(FORMATS_TO_WARN, {"sets": list(sets)})}
    if not formats:
        return
    rows: dict[uuid.UUID, list[AnyRow]] = defaultdict(list)
    for row in session.execute(COMPONENTS_OF_FORMATS, {"formats": list(formats)}):
        rows[row.format_id].append(row)
    now = {
        format_id: list_format_warnings(structure, _group_parts(rows[format_id]))
        for format_id, structure in formats.items()
    }
    replace_format_warnings(session, WarningSource.FILE_SETS, now)


def _group_parts(rows: Sequence[AnyRow]) -> list[FormatPart]:
    by_set: dict[uuid.UUID, list[AnyRow]] = defaultdict(list)
    for row in rows:
        by_set[row.file_set_id].append(row)
    return [
        FormatPart(
            of_set[0].name,
            of_set[0].label,
            next((row.media for row in of_set if row.type == GENERAL_TYPE), {}),
            [row.media for row in of_set if row.type != GENERAL_TYPE],
        )
        for of_set in by_set.values()
    ]
