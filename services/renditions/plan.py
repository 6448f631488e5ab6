"""Source selection for a rendition: which file sets of a format are shown, and which are heard.

The left eye is shown, and the first camera; separate sound files are mixed with the sound of the picture.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from services.catalog.assets.sources import ReadableFileSet, load_readable_sets

MAX_PLAN_FRAMES = 10_000_000
MAX_RECORDING_PARTS = 100
"""Maximum number of files into which a camera split one recording."""

TRANSCODABLE_SETS = text("""
    SELECT file_set.id, file_set.label, file_set.name, file_set.frames IS NOT NULL AS is_sequence,
        format.structure, file_set.file_count, file_set.changed_at,
        array_agg(DISTINCT component.type) AS types
    FROM file_set JOIN format ON format.id = file_set.format_id
    JOIN component ON component.file_set_id = file_set.id AND NOT component.from_header
    WHERE file_set.format_id = :format AND file_set.file_count > 0 AND file_set.island_id IS NOT NULL
    GROUP BY file_set.id, format.id ORDER BY file_set.label, file_set.name, file_set.id
""")

START_TIMECODE = text("""
    SELECT media ->> 'timecode_start' FROM component
    WHERE file_set_id = :set AND media ->> 'timecode_start' IS NOT NULL ORDER BY from_header DESC, id LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class SelectedSources:
    """Selected file sets of a format, and their state."""

    picture: uuid.UUID | None
    sounds: Sequence[uuid.UUID]
    state: dict[str, str]
    """By file set id; a rendition with another state is outdated."""
    left_out: str = ""
    """Description of pictures that are not shown."""

    @property
    def is_empty(self) -> bool:
        """Return whether there is neither picture nor sound."""
        return self.picture is None and not self.sounds


def select_sources(session: Session, format_id: uuid.UUID) -> SelectedSources:
    """Select the file sets for a rendition of this format."""
    rows = session.execute(TRANSCODABLE_SETS, {"format": format_id}).all()
    seen = [row for row in rows if "VIDEO" in row.types or (row.is_sequence and "IMAGE" in row.types)]
    heard = [row for row in rows if "AUDIO" in row.types and row not in seen]
    used = [*seen[:1], *heard]
    return SelectedSources(
        seen[0].id if seen else None,
        [row.id for row in heard],
        {str(row.id): f"{row.file_count} {row.changed_at.isoformat() if row.changed_at else ''}" for row in used},
        _describe_left_out(seen),
    )


def _describe_left_out(seen: Sequence[AnyRow]) -> str:
    if len(seen) < 2:
        return ""
    others = ", ".join(row.label or row.name for row in seen[1:])
    return f"of {seen[0].label or seen[0].name}, without {others}"


@dataclass(frozen=True, slots=True)
class TranscodePlan:
    """Files of a rendition, as of one snapshot."""

    chosen: SelectedSources
    picture: ReadableFileSet | None
    sounds: Sequence[ReadableFileSet] = field(default_factory=tuple)
    timecode: str | None = None

    @property
    def storages(self) -> set[uuid.UUID]:
        """Storages of its files."""
        return {one.storage_id for one in (self.picture, *self.sounds) if one is not None}

    def sets(self) -> list[uuid.UUID]:
        """Return the file sets that it reads."""
        return [one.id for one in (self.picture, *self.sounds) if one is not None]


def load_transcode_plan(session: Session, format_id: uuid.UUID) -> TranscodePlan:
    """Load all files for a rendition of this format. Call it in a snapshot transaction."""
    chosen = select_sources(session, format_id)
    ids = [*([chosen.picture] if chosen.picture else []), *chosen.sounds]
    found = (
        {one.id: one for one in load_readable_sets(session, ids, MAX_PLAN_FRAMES, MAX_RECORDING_PARTS)} if ids else {}
    )
    picture = found.get(chosen.picture) if chosen.picture else None
    timecode = session.scalar(START_TIMECODE, {"set": picture.id}) if picture is not None else None
    sounds = [found[set_id] for set_id in chosen.sounds if set_id in found]
    return TranscodePlan(chosen, picture, sounds, timecode)
