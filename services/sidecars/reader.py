"""Sidecars: read from the media queue like headers and written to metadata fields; problems are reported on their
format, in a job and by `explain`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.batch_reader import ReadEnd
from media.sandbox.families import MediaFamily
from media.sidecars.kinds import is_readable_sidecar
from models.queues.media_queue import MediaKind
from services.catalog.assets.sources import ReadableFileSet
from services.core.text import pluralize
from services.media.drain import MediaReading, ResultWriter, SetOutcome
from services.media.jobs import MEDIA_TASKS
from services.media.probe_writer import (
    LOCK_FILE_SETS,
    build_general_component,
    replace_header_components,
    update_header_warnings,
)
from services.sidecars.field_mapping import list_formats_read
from services.sidecars.metadata_writer import SidecarValues, write_sidecar_values
from services.sidecars.verification import MAX_SIDECAR_FILES, SIDECAR_LIMITS, create_checksum_job

SIDECAR_TASK = MEDIA_TASKS[MediaKind.SIDECARS]
SIDECAR_BATCH_SIZE = 200
PLAIN_SIDECAR_FORMATS = frozenset({"JSON", "CSV", "XML"})
MAX_REPORTED_NAMES = 10
CHECKSUM_FORMAT = "checksums"

# Matches by file name, then asset title, then file name without extension; `rank` decides if several match.
CLIPS_BY_NAME = text("""
    SELECT list.id AS list_id, clip.name AS said, clip.asset_id FROM unnest(CAST(:lists AS uuid[])) AS list (id)
    JOIN file_set AS of_list ON of_list.id = list.id
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (named.name) named.name, named.asset_id FROM file_set
        JOIN format ON format.id = file_set.format_id AND format.role = 'original'
        JOIN asset ON asset.id = file_set.asset_id AND asset.status = 'ACTIVE'
        CROSS JOIN LATERAL (VALUES
            (1, file_set.name, asset.id), (2, asset.title, asset.id),
            (3, regexp_replace(file_set.name, '\\.[^.]*$', ''), asset.id)
        ) AS named (rank, name, asset_id)
        WHERE file_set.island_id = of_list.island_id AND file_set.id <> of_list.id
            AND named.name = ANY(CAST(:names AS text[]))
        ORDER BY named.name, named.rank, named.asset_id
    ) AS clip
""")


@dataclass(slots=True)
class _SidecarSet:
    """Combined contents of the files of one set."""

    read: ReadableFileSet
    files: Sequence[Mapping[str, Any]]
    notes: list[str] = field(default_factory=list)
    said: list[SidecarValues] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def named(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Pair the files with their names."""
        return [(source.name, file) for source, file in zip(self.read.sources, self.files, strict=True)]

    def rows(self) -> list[Mapping[str, Any]]:
        """Return the rows about other assets."""
        return [row for file in self.files for row in file.get("rows", ())]

    def general(self) -> dict[str, Any]:
        """Return the facts stored for users, and for the triggers that queue it again (`missing_clips`)."""
        unmapped = list(dict.fromkeys(word for one in self.said for word in one.unmapped))
        facts: dict[str, Any] = {"sidecars": list_formats_read(self.files), "untaken": _truncate_sentences(unmapped)}
        facts |= {"notes": self.notes, "missing_clips": len(self.missing)}
        return {name: value for name, value in facts.items() if value}


def prepare_sidecar_results(outcomes: Sequence[SetOutcome]) -> ResultWriter:
    """Return the function that writes the answers; nothing needs to be prepared before the transaction."""
    answers = {one.read.id: one for one in outcomes}

    def write(session: Session, told: Sequence[SetOutcome]) -> dict[uuid.UUID, str]:
        sets = [_build_sidecar_set(answers[set_id]) for set_id in sorted(one.read.id for one in told)]
        return _write_sidecar_sets(session, sets) if sets else {}

    return write


def _build_sidecar_set(one: SetOutcome) -> _SidecarSet:
    if one.outcome.end is ReadEnd.READ:
        return _SidecarSet(one.read, one.outcome.result["files"])
    return _SidecarSet(one.read, [{} for _ in one.read.sources], [one.outcome.reason])


def _write_sidecar_sets(session: Session, sets: Sequence[_SidecarSet]) -> dict[uuid.UUID, str]:
    found = find_clips(session, {one.read.id: one.rows() for one in sets})
    for one in sets:
        _assign_values(one, found)
    write_sidecar_values(session, [said for one in sets for said in one.said])
    troubles = {}
    for one in sets:
        refused = [f"{said.name}: {said.refused}" for said in one.said if said.refused]
        wrong = [f"{name}: {file['error']}" for name, file in one.named() if "error" in file] + _truncate_sentences(
            refused
        )
        vague = [f"{said.name}: {sentence}" for said in one.said for sentence in said.left_out]
        partial = [f"{name}: {note}" for name, file in one.named() for note in file.get("notes", ())]
        one.notes += wrong + _truncate_sentences(partial) + _truncate_sentences(vague) + _describe_missing(one)
        if any(file.get("format") == CHECKSUM_FORMAT for file in one.files):
            create_checksum_job(session, one.read.id, one.read.asset_id, one.read.name)
        if wrong:
            troubles[one.read.id] = "; ".join(wrong)
    _write_facts(session, sets)
    return troubles


def find_clips(
    session: Session, rows: Mapping[uuid.UUID, Sequence[Mapping[str, Any]]]
) -> dict[tuple[uuid.UUID, str], uuid.UUID]:
    """Find the assets that the rows of each table name, within the island of the table: an Avid log or a CSV describes
    many."""
    lists = [list_id for list_id, of_list in rows.items() if of_list]
    if not lists:
        return {}
    names = {
        name for of_list in rows.values() for row in of_list for name in (row["name"], *row.get("other_names", ()))
    }
    found = session.execute(CLIPS_BY_NAME, {"lists": lists, "names": sorted(names | set(map(base_of_clip, names)))})
    return {(row.list_id, row.said): row.asset_id for row in found}


def base_of_clip(name: str) -> str:
    """Return the last part of a name that may be a path of any system."""
    return name.replace("\\", "/").rpartition("/")[2]


def _assign_values(one: _SidecarSet, found: Mapping[tuple[uuid.UUID, str], uuid.UUID]) -> None:
    """Assign the values of a set's files to their assets."""
    for name, file in one.named():
        plain = file.get("format") in PLAIN_SIDECAR_FORMATS
        if file.get("words"):
            one.said.append(SidecarValues(one.read.asset_id, name, file["words"], one.read.settings, plain))
        for row in file.get("rows", ()):
            # A path matches by its last part, too.
            names = [part for name in (row["name"], *row.get("other_names", ())) for part in (name, base_of_clip(name))]
            asset_id = next((found[one.read.id, name] for name in names if (one.read.id, name) in found), None)
            if asset_id is None:
                one.missing.append(row["name"])
            elif row["words"]:
                one.said.append(
                    SidecarValues(asset_id, f"{name}: {row['name']}", row["words"], one.read.settings, plain)
                )


def _truncate_sentences(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - MAX_REPORTED_NAMES
    return [*sentences[:MAX_REPORTED_NAMES], *([f"and {more:,} more like these"] if more > 0 else [])]


def _describe_missing(one: _SidecarSet) -> list[str]:
    if not one.missing:
        return []
    names = ", ".join(one.missing[:MAX_REPORTED_NAMES]) + (", …" if len(one.missing) > MAX_REPORTED_NAMES else "")
    return [f"{one.read.name}: {pluralize(len(one.missing), 'row')} about clips that are not beside it: {names}"]


def _write_facts(session: Session, sets: Sequence[_SidecarSet]) -> None:
    ids = [one.read.id for one in sets]
    session.execute(LOCK_FILE_SETS, {"sets": ids})
    replace_header_components(session, ids, [build_general_component(one.read.id, one.general()) for one in sets])
    update_header_warnings(session, ids)


SIDECAR_READING = MediaReading(
    MediaKind.SIDECARS,
    {MediaFamily.VIDEO: "media.sidecars.program"},
    SIDECAR_LIMITS,
    SIDECAR_BATCH_SIZE,
    1,
    prepare_sidecar_results,
    members=MAX_SIDECAR_FILES,
    takes=is_readable_sidecar,
    wakes=("index.drain",),
)
