"""Writer of probe results: components with their facts, and warnings of formats, in a few statements per batch.

Grouping creates components from the file name; a header gives their facts and may add others. The added ones, and one
component GENERAL for the file as a whole, belong to the header (`from_header`): grouping neither compares nor deletes
them.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.base import new_id
from search.encoding import encode
from tasks.header_facts import PICTURE_TYPES, Facts, Part, SetFacts, warnings_of_format

GENERAL = "GENERAL"

PLANNED = text("""
    SELECT id, file_set_id, type FROM component
    WHERE file_set_id = ANY(CAST(:sets AS uuid[])) AND NOT from_header ORDER BY id
""")

# FOR KEY SHARE: a file set cannot be deleted before its components are committed; id order avoids deadlocks.
LOCK_SETS = text("""
    SELECT id FROM file_set WHERE id = ANY(CAST(:sets AS uuid[])) ORDER BY id FOR KEY SHARE
""")

# Writes to component are marked for indexing by mark_component_insert, _update and _delete.
FORGET = text("DELETE FROM component WHERE file_set_id = ANY(CAST(:sets AS uuid[])) AND from_header")

DESCRIBE = text("""
    UPDATE component SET media = said.media
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS said (id uuid, media jsonb)
    WHERE component.id = said.id AND component.media IS DISTINCT FROM said.media
""")

ADD = text("""
    INSERT INTO component (id, format_id, file_set_id, name, type, language, media, from_header)
    SELECT said.id, file_set.format_id, file_set.id, said.name, said.type, said.language, said.media, true
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS said (id uuid, file_set_id uuid, name text, type text, language text, media jsonb)
    JOIN file_set ON file_set.id = said.file_set_id
    ORDER BY said.id
""")

# Almost all formats have one file set and nothing to report; this query skips them. FOR UPDATE: concurrent batches of
# one format recompute its warnings one after the other.
TO_WARN = text("""
    SELECT format.id FROM format WHERE format.id IN
        (SELECT format_id FROM file_set WHERE id = ANY(CAST(:sets AS uuid[])))
    AND (format.media ? 'header_warnings' OR format.structure IN ('separate_tracks', 'stereoscopic', 'multi_camera')
        OR EXISTS (SELECT FROM component WHERE component.format_id = format.id AND component.type = 'GENERAL'
            AND component.media ?| ARRAY['error', 'picture_error', 'notes']))
    ORDER BY format.id FOR UPDATE
""")

SAID = text("""
    SELECT format.id AS format_id, format.structure, format.warnings, format.media AS format_media,
        file_set.id AS file_set_id, file_set.name, file_set.label, component.type, component.media
    FROM format JOIN file_set ON file_set.format_id = format.id
    JOIN component ON component.file_set_id = file_set.id AND component.media <> '{}'
    WHERE format.id = ANY(CAST(:formats AS uuid[])) ORDER BY format.id, file_set.id, component.id
""")

# mark_format_update marks the asset's document.
WARN = text("""
    UPDATE format SET warnings = CAST(:warnings AS text[]), media = CAST(:media AS jsonb), date_modified = now()
    WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class Described:
    """A file set and its summary; for an unreadable one, the error."""

    file_set_id: uuid.UUID
    facts: SetFacts


def write_headers(session: Session, described: Sequence[Described]) -> None:
    """Replace what is stored about file sets; the caller has fenced their media work."""
    sets = [one.file_set_id for one in described]
    session.execute(LOCK_SETS, {"sets": sets})
    planned: dict[uuid.UUID, list[Row]] = defaultdict(list)
    for row in session.execute(PLANNED, {"sets": sets}):
        planned[row.file_set_id].append(row)
    told: list[Facts] = []
    added: list[Facts] = []
    for one in described:
        general = dict(one.facts.general) | ({"notes": list(one.facts.notes)} if one.facts.notes else {})
        added.append(general_component(one.file_set_id, general))
        rows = planned[one.file_set_id]
        mine = assign([row.type for row in rows], one.facts.streams)
        pairs = zip(rows, mine.of_planned, strict=True)
        told += [{"id": str(row.id), "media": stream or {}} for row, stream in pairs]
        added += [_added(one.file_set_id, stream, place) for place, stream in enumerate(mine.others, 1)]
    if told:
        session.execute(DESCRIBE, {"rows": encode(told).decode()})
    replace_components(session, sets, added)
    warn_of_sets(session, sets)


def replace_components(session: Session, sets: Sequence[uuid.UUID], components: Sequence[Facts]) -> None:
    """Replace the header components of file sets.

    All rows are one JSON parameter: in text arrays the driver escapes each quotation mark, which took a third of our
    CPU time per header.
    """
    session.execute(FORGET, {"sets": list(sets)})
    session.execute(ADD, {"rows": encode(components).decode()})


def general_component(file_set_id: uuid.UUID, facts: Facts) -> Facts:
    """Build the row of the component for a file set as a whole."""
    return _component(file_set_id, "General", GENERAL, None, facts)


def _added(file_set_id: uuid.UUID, stream: Facts, place: int) -> Facts:
    name = stream.get("title") or f"{stream['type'].lower()} {place}"
    return _component(file_set_id, name, stream["type"], stream.get("language"), stream)


def _component(file_set_id: uuid.UUID, name: str, kind: str, language: str | None, facts: Facts) -> Facts:
    ids = {"id": str(new_id()), "file_set_id": str(file_set_id)}
    return {**ids, "name": name, "type": kind, "language": language, "media": facts}


@dataclass(frozen=True, slots=True)
class Assigned:
    """Streams of the planned components, and streams without one."""

    of_planned: Sequence[Facts | None]
    others: Sequence[Facts]


def assign(types: Sequence[str], streams: Sequence[Facts]) -> Assigned:
    """Assign to each planned component the next stream of its type; VIDEO and IMAGE match each other, because a still
    is both."""
    left = list(streams)
    of_planned: list[Facts | None] = []
    for wanted in types:
        kinds = PICTURE_TYPES if wanted in PICTURE_TYPES else (wanted,)
        stream = next((one for one in left if one["type"] in kinds), None)
        if stream is not None:
            left.remove(stream)
        of_planned.append(stream)
    return Assigned(of_planned, left)


def warn_of_sets(session: Session, sets: Sequence[uuid.UUID]) -> None:
    """Update the header warnings of the formats of these file sets; other warnings stay."""
    formats = list(session.scalars(TO_WARN, {"sets": list(sets)}))
    if not formats:
        return
    rows: dict[uuid.UUID, list[Row]] = defaultdict(list)
    for row in session.execute(SAID, {"formats": formats}):
        rows[row.format_id].append(row)
    for format_id, said in rows.items():
        first = said[0]
        before = first.format_media.get("header_warnings", [])
        now = warnings_of_format(first.structure, _parts(said))
        if now != before:
            kept = [warning for warning in first.warnings if warning not in before]
            media = _with_warnings(first.format_media, now)
            session.execute(WARN, {"id": format_id, "warnings": [*now, *kept], "media": json.dumps(media)})


def _with_warnings(media: Mapping[str, Any], warnings: list[str]) -> Facts:
    rest = {name: value for name, value in media.items() if name != "header_warnings"}
    return rest | ({"header_warnings": warnings} if warnings else {})


def _parts(rows: Sequence[Row]) -> list[Part]:
    by_set: dict[uuid.UUID, list[Row]] = defaultdict(list)
    for row in rows:
        by_set[row.file_set_id].append(row)
    return [
        Part(
            of_set[0].name,
            of_set[0].label,
            next((row.media for row in of_set if row.type == GENERAL), {}),
            [row.media for row in of_set if row.type != GENERAL],
        )
        for of_set in by_set.values()
    ]
