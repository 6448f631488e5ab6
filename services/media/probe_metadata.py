"""Metadata values from headers: map header keys to metadata fields, and write them under the same validation as users.

Only existing fields are written. Values of users stay: a header fills empty fields, and replaces what an earlier probe
wrote and no user changed since.
"""

import uuid
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.metadata import FieldType
from models.core.statements import AnyRow
from services.catalog.assets.sources import ReadableFileSet
from services.core.errors import DomainError, FieldsInvalid
from services.media.probe_summary import PICTURE_TYPES, ProbeSummary
from services.metadata.types import parse_value
from services.metadata.values import load_stored_values, write_object_values
from services.objects.objects import get_object_for_update

PROBE_ACTOR = Actor(name="media", user_id=None, is_admin=True)

DEFAULT_HEADER_FIELDS = {
    "container": "container",
    "duration_milliseconds": "duration_milliseconds",
    "timecode_start": "timecode_start",
    "reel": "reel",
    "scene": "scene",
    "take": "take",
    "codec": "codec",
    "width": "width",
    "height": "height",
    "frame_rate": "frame_rate",
    "frames_per_second": "frames_per_second",
    "scan": "scan",
    "pixel_format": "pixel_format",
    "color_primaries": "color_primaries",
    "color_transfer": "color_transfer",
    "audio_codec": "audio_codec",
    "audio_channels": "audio_channels",
    "audio_sample_rate": "audio_sample_rate",
    "camera": "camera",
    "camera_make": "make",
    "camera_model": "model",
    "lens": "lens",
    "exposure_time": "exposure_time",
    "f_number": "f_number",
    "iso": "iso",
    "focal_length": "focal_length",
    "captured_at": "captured_at",
    "location.latitude": "latitude",
    "location.longitude": "longitude",
    "location.altitude": "altitude",
    "tags.title": "header_title",
    "tags.comment": "header_comment",
    "tags.creation_time": "creation_time",
    "tags.keywords": "tags",
    "tags.description": "description",
    "tags.creator": "creator",
    "tags.rights": "copyright",
    "tags.headline": "headline",
    "tags.credit": "credit",
    "tags.city": "city",
    "tags.country": "country",
    "tags.rating": "rating",
    "tags.label": "label",
}
"""Metadata field by header key; a storage's `header_fields` extends and overrides it."""

TEXT_FIELD_TYPES = frozenset({FieldType.STRING, FieldType.TEXT})

FIELD_IDS_BY_NAME = text("""
    SELECT name, id, field_type FROM metadata_field WHERE name = ANY(CAST(:names AS text[])) AND date_deleted IS NULL
""")
LAST_HEADER_VALUES = text("""
    SELECT file_set_id, media -> 'fields' AS fields FROM component
    WHERE file_set_id = ANY(CAST(:sets AS uuid[])) AND type = 'GENERAL' AND media ? 'fields'
""")


def flatten_header(facts: ProbeSummary) -> dict[str, Any]:
    """Flatten a summary to one value per key: of the file, its first picture, its first sound, and its tags."""
    words: dict[str, Any] = {name: value for name, value in facts.general.items() if _is_scalar(value)}
    for group in ("tags", "location"):
        words |= {f"{group}.{name}": value for name, value in facts.general.get(group, {}).items()}
    picture = next((stream for stream in facts.streams if stream["type"] in PICTURE_TYPES), {})
    sound = next((stream for stream in facts.streams if stream["type"] == "AUDIO"), {})
    words |= {name: value for name, value in picture.items() if _is_scalar(value) and name not in words}
    if picture.get("frame_rate"):
        words["frames_per_second"] = round(float(Fraction(picture["frame_rate"])), 3)
    words |= {f"color_{name}": value for name, value in picture.get("color", {}).items()}
    words |= {f"audio_{name}": value for name, value in sound.items() if _is_scalar(value)}
    return words


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def fit_value(kind: FieldType, value: Any) -> Any:
    """Join several values for a field that holds one text."""
    return ", ".join(map(str, value)) if isinstance(value, list) and kind in TEXT_FIELD_TYPES else value


HeaderWrites = dict[uuid.UUID, tuple[dict[str, Any], list[str]]]
"""By file set id: the written values by field, and messages about rejected ones."""


def write_header_fields(session: Session, spoken: Sequence[tuple[ReadableFileSet, ProbeSummary]]) -> HeaderWrites:
    """Write the values of existing fields, from the headers of file sets; return what was written and rejected, by file
    set id."""
    tables = {read.id: DEFAULT_HEADER_FIELDS | read.settings.header_fields for read, _ in spoken}
    names = {name for table in tables.values() for name in table.values()}
    fields = {row.name: row for row in session.execute(FIELD_IDS_BY_NAME, {"names": sorted(names)})}
    if not fields:
        return {}
    before = {row.file_set_id: row.fields for row in session.execute(LAST_HEADER_VALUES, {"sets": list(tables)})}
    written = {}
    for read, facts in sorted(spoken, key=lambda one: (one[0].asset_id, one[0].id)):
        words = flatten_header(facts)
        values = {
            field: fit_value(fields[field].field_type, words[word])
            for word, field in tables[read.id].items()
            if field in fields and word in words
        }
        if values:
            written[read.id] = _write_header_values(session, read.asset_id, values, before.get(read.id, {}), fields)
    return written


def _write_header_values(
    session: Session,
    asset_id: uuid.UUID,
    values: dict[str, Any],
    before: Mapping[str, Any],
    fields: Mapping[str, AnyRow],
) -> tuple[dict[str, Any], list[str]]:
    """Write all values at once; if some are invalid, write the others."""
    try:
        found = get_object_for_update(session, PROBE_ACTOR, "assets", asset_id)
    except DomainError:
        return {}, []  # it was deleted meanwhile
    kept = load_stored_values(session, [found.id])[found.id]
    free = {
        name: value
        for name, value in values.items()
        if is_unedited(fields[name].field_type, kept.get(fields[name].id, ()), before.get(name))
    }
    try:
        write_object_values(session, found, free, PROBE_ACTOR)
    except FieldsInvalid as wrong:
        fitting = {name: value for name, value in free.items() if name not in wrong.errors}
        write_object_values(session, found, fitting, PROBE_ACTOR)
        told = [f'the metadata field "{name}" does not take it: {why}' for name, why in wrong.errors.items()]
        return fitting, told
    return free, []


def is_unedited(kind: FieldType, now: Sequence[Any], before: Any) -> bool:
    """Return whether no user changed what an earlier probe wrote; `before` is as the header gave it."""
    try:
        earlier = before if isinstance(before, list) else [before]
        return not now or list(now) == list(dict.fromkeys(parse_value(kind, value) for value in earlier))
    except ValueError:  # the type of the field was changed
        return False
