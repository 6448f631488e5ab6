"""Posters, keyframe maps and waveforms: made from the media queue after probing, stored as files, with one row each."""

import base64
import json
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from media.pictures.picture_store import NotAPictureError, list_owners, list_shards, remove_unreferenced, store_picture
from media.sandbox.batch_reader import ReadEnd, ReadOutcome
from media.sandbox.families import MediaFamily
from media.sandbox.seccomp import ResourceLimits
from models.catalog.asset import Keyframe
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.queues.media_queue import MediaKind
from services.catalog.assets.sources import ReadableFileSet
from services.core.folder_markers import find_media_folder_fault
from services.media.drain import STILLS_PROGRAM, MediaReading, ResultWriter, SetOutcome
from services.media.jobs import MEDIA_TASKS
from services.media.probe_writer import update_header_warnings

PREVIEW_TASK = MEDIA_TASKS[MediaKind.PICTURES]
PREVIEW_FRAMES = 24
"""Of a sequence: each is a full picture to decode, and a film frame takes a tenth of a second."""

DELETE_KEYFRAMES = text("DELETE FROM keyframe WHERE file_set_id = ANY(CAST(:sets AS uuid[]))")
INSERT_KEYFRAMES = text("""
    INSERT INTO keyframe (id, file_set_id, type, path, media_type, size_bytes, width, height, details)
    VALUES (:id, :file_set_id, :type, :path, :media_type, :size_bytes, :width, :height, CAST(:details AS jsonb))
""")
# mark_component_update marks the asset's document. A changed trouble is no longer one that a person accepted.
UPDATE_PREVIEW_TROUBLES = text("""
    UPDATE component SET media = component.media - CAST('{picture_error,not_shown,accepted}' AS text[]) || said.trouble
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS said (id uuid, trouble jsonb)
    WHERE component.file_set_id = said.id AND component.type = 'GENERAL' AND component.from_header
        AND (component.media -> 'picture_error', component.media -> 'not_shown')
            IS DISTINCT FROM (said.trouble -> 'picture_error', said.trouble -> 'not_shown')
    RETURNING component.file_set_id
""")


def build_preview_request(read: ReadableFileSet) -> dict[str, Any]:
    """Build the request to the reader for a file set; for a sequence with frame numbers and rate."""
    if read.frames is None or not read.numbers:
        return {}
    return {
        "numbers": read.numbers,
        "first": read.frames.first,
        "step": read.frames.step or 1,
        "rate": str(read.rate),
        "milliseconds": round(read.frame_count / read.rate * 1000),
    }


def store_previews(folder: Path, outcomes: Sequence[SetOutcome]) -> ResultWriter:
    """Store the pictures as files before the transaction that inserts their rows."""
    kept: dict[uuid.UUID, list[dict[str, Any]]] = {}
    troubles: dict[uuid.UUID, dict[str, str]] = {}
    for one in outcomes:
        troubles[one.read.id] = {} if one.outcome.end is ReadEnd.READ else _describe_trouble(one.outcome)
        try:
            kept[one.read.id] = [
                _store_picture(folder, one.read.id, said) for said in one.outcome.result.get("pictures", ())
            ]
        except NotAPictureError as error:
            troubles[one.read.id] = {"picture_error": f"its reader {error}"}

    def write(session: Session, told: Sequence[SetOutcome]) -> None:
        sets = sorted(one.read.id for one in told)
        if not sets:
            return
        session.execute(DELETE_KEYFRAMES, {"sets": sets})
        rows = [row for set_id in sets for row in kept.get(set_id, ())]
        if rows:
            session.execute(INSERT_KEYFRAMES, rows)
        # Only changed troubles are written: each write reindexes the asset's document.
        found = [{"id": str(set_id), "trouble": troubles[set_id]} for set_id in sets]
        changed = session.scalars(UPDATE_PREVIEW_TROUBLES, {"rows": json.dumps(found)}).all()
        if changed:
            update_header_warnings(session, changed)

    return write


def _describe_trouble(outcome: ReadOutcome) -> dict[str, str]:
    """Return the fact about a file without previews: damaged, or whole and of a kind that has no decoder here."""
    return {"picture_error" if outcome.has_decoder else "not_shown": outcome.bare_reason}


def _store_picture(folder: Path, file_set_id: uuid.UUID, said: dict[str, Any]) -> dict[str, Any]:
    content = base64.b64decode(said["data"])
    path = store_picture(folder, file_set_id, said["type"], said["media_type"], content)
    known = {name: said[name] for name in ("type", "media_type", "width", "height")}
    details = json.dumps(said["details"])
    return known | {
        "id": new_id(),
        "file_set_id": file_set_id,
        "path": path,
        "size_bytes": len(content),
        "details": details,
    }


def preview_reading_for(folder: Path) -> MediaReading:
    """Return the reading that stores its pictures in this folder."""
    return MediaReading(
        kind=MediaKind.PICTURES,
        programs={MediaFamily.VIDEO: "media.pictures.previews", MediaFamily.STILLS: STILLS_PROGRAM},
        limits=ResourceLimits(wall_seconds=120, cpu_seconds=120),
        batch=8,
        frames=PREVIEW_FRAMES,
        ask=build_preview_request,
        keep=partial(store_previews, folder),
        members=1,
        folder=folder,
    )


def delete_orphaned_pictures(sessions: Sessions, folder: Path) -> int:
    """Delete files without a row; return their number. None of a folder that is not this system's."""
    removed = 0
    if find_media_folder_fault(sessions, folder):
        return removed
    for shard in list_shards(folder):
        owners = list_owners(folder, shard)
        kept = transact(sessions, _picture_paths, owners)
        removed += remove_unreferenced(folder, shard, owners, kept)
    return removed


def _picture_paths(session: Session, owners: Sequence[uuid.UUID]) -> set[str]:
    return set(session.scalars(select(Keyframe.path).where(Keyframe.file_set_id.in_(owners))))
