"""Posters, keyframe maps and waveforms: made from the media queue after probing, stored as files, with one row each."""

import base64
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from celery import Task, shared_task
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from media.confinement import Limits
from media.keeping import NotAPictureError, keep_picture, owners_in, remove_others, shards_of
from media.reading import End
from models.base import new_id
from models.media import Keyframe, MediaKind
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.header_rows import warn_of_sets
from tasks.media_drain import Drained, Reading, SetOutcome, drain_media
from tasks.media_jobs import TASKS
from tasks.media_runs import run_reading_jobs
from tasks.media_sources import SetToRead

TASK = TASKS[MediaKind.PICTURES]
LIMITS = Limits(wall_seconds=120, cpu_seconds=120, memory_bytes=3 << 30)
BATCH = 8
FRAMES = 24
"""Of a sequence: each is a full picture to decode, and a film frame takes a tenth of a second."""

FORGET = text("DELETE FROM keyframe WHERE file_set_id = ANY(CAST(:sets AS uuid[]))")
ADD = text("""
    INSERT INTO keyframe (id, file_set_id, type, path, media_type, size_bytes, width, height, details)
    VALUES (:id, :file_set_id, :type, :path, :media_type, :size_bytes, :width, :height, CAST(:details AS jsonb))
""")
# mark_component_update marks the asset's document.
TELL = text("""
    UPDATE component SET media = component.media - 'picture_error'
        || CASE WHEN said.error IS NULL THEN CAST('{}' AS jsonb)
            ELSE jsonb_build_object('picture_error', said.error) END
    FROM unnest(CAST(:sets AS uuid[]), CAST(:errors AS text[])) AS said (id, error)
    WHERE component.file_set_id = said.id AND component.type = 'GENERAL' AND component.from_header
        AND component.media ->> 'picture_error' IS DISTINCT FROM said.error
    RETURNING component.file_set_id
""")


def ask(read: SetToRead) -> dict[str, Any]:
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


def keep(folder: Path, outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], None]:
    """Store the pictures as files before the transaction that inserts their rows."""
    kept: dict[uuid.UUID, list[dict[str, Any]]] = {}
    errors: dict[uuid.UUID, str | None] = {}
    for one in outcomes:
        errors[one.read.id] = None if one.outcome.end is End.READ else one.outcome.reason.partition(": ")[2]
        try:
            kept[one.read.id] = [_kept(folder, one.read.id, said) for said in one.outcome.result.get("pictures", ())]
        except NotAPictureError as error:
            errors[one.read.id] = f"its reader {error}"

    def write(session: Session, told: Sequence[SetOutcome]) -> None:
        sets = sorted(one.read.id for one in told)
        if not sets:
            return
        session.execute(FORGET, {"sets": sets})
        rows = [row for set_id in sets for row in kept.get(set_id, ())]
        if rows:
            session.execute(ADD, rows)
        # Only changed errors are written: each write reindexes the asset's document.
        changed = session.scalars(TELL, {"sets": sets, "errors": [errors[set_id] for set_id in sets]}).all()
        if changed:
            warn_of_sets(session, changed)

    return write


def _kept(folder: Path, file_set_id: uuid.UUID, said: dict[str, Any]) -> dict[str, Any]:
    content = base64.b64decode(said["data"])
    path = keep_picture(folder, file_set_id, said["type"], said["media_type"], content)
    known = {name: said[name] for name in ("type", "media_type", "width", "height")}
    details = json.dumps(said["details"])
    return known | {
        "id": new_id(),
        "file_set_id": file_set_id,
        "path": path,
        "size_bytes": len(content),
        "details": details,
    }


PICTURES = Reading(MediaKind.PICTURES, "media.pictures", LIMITS, BATCH, FRAMES, ask, partial(keep, Path()), members=1)


def pictures_into(folder: Path) -> Reading:
    """Return the reading that stores its pictures in this folder."""
    return replace(PICTURES, keep=partial(keep, folder))


def make_pictures(sessions: Sessions, timing: Timing, folder: Path, **limits: float) -> Drained:
    """Make the pictures of the file sets in the queue."""
    return drain_media(sessions, pictures_into(folder), timing, **limits)


def forget_pictures(sessions: Sessions, folder: Path) -> int:
    """Delete files without a row; return their number."""
    removed = 0
    for shard in shards_of(folder):
        owners = owners_in(folder, shard)
        kept = transact(
            sessions,
            lambda session, owners=owners: set(
                session.scalars(select(Keyframe.path).where(Keyframe.file_set_id.in_(owners)))
            ),
        )
        removed += remove_others(folder, shard, owners, kept)
    return removed


@shared_task(name=TASK, bind=True, ignore_result=True)
def make_keyframes(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids, then make the pictures of the queue."""
    context = self.app.context
    reading = pictures_into(context.media_folder)
    run_reading_jobs(context.sessions, reading, context.timing, [uuid.UUID(one) for one in job_ids])
    if drain_media(context.sessions, reading, context.timing).more:
        context.ring(TASK, ())


@shared_task(name="media.tidy", bind=True, ignore_result=True)
def tidy_pictures(self: Task, _ids: Sequence[object] = ()) -> None:
    """Delete pictures of file sets that no longer exist."""
    context = self.app.context
    forget_pictures(context.sessions, context.media_folder)
