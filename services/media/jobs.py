"""Jobs of media reading, as users see them.

Automatic reading records one finished job per batch, and a failed one for each unreadable file set. Restarting such a
job, or requesting a new one, reads its file sets again, in isolation.
"""

import uuid
from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import ASSET_KIND
from models.core.base import new_id
from models.core.sessions import Sessions
from models.queues.job import Job, JobStatus
from models.queues.media_queue import MediaKind, has_claimable_media, has_dirty_islands
from models.queues.notify import Notifier
from services.catalog.assets.assets import find_asset
from services.catalog.assets.sources import ReadableFileSet
from services.core.errors import Conflict, require_found
from services.core.text import pluralize

MEDIA_TASKS = {
    MediaKind.HEADERS: "metadata.probe",
    MediaKind.PICTURES: "media.keyframes",
    MediaKind.SIDECARS: "metadata.sidecars",
}
MEDIA_JOB_TYPES = {MediaKind.HEADERS: "MEDIAINFO", MediaKind.PICTURES: "KEYFRAMES", MediaKind.SIDECARS: "METADATA"}
MEDIA_JOB_TITLES = {
    MediaKind.HEADERS: "Read the headers of",
    MediaKind.PICTURES: "Make pictures of",
    MediaKind.SIDECARS: "Read the sidecars of",
}

ENDED_NOW = {"started_at": func.now(), "completed_at": func.now()}
FILE_SET_OF_FILE = text("""
    SELECT file_set.id, file_set.name, file_set.island_id FROM file_set
    LEFT JOIN file_set_file AS member ON member.file_set_id = file_set.id AND member.file_id = :file
    LEFT JOIN declared_file AS declared ON declared.file_set_id = file_set.id AND declared.id = :file
    WHERE file_set.asset_id = :asset AND coalesce(member.file_id, declared.id) IS NOT NULL
""")


def record_media_jobs(
    session: Session,
    kind: MediaKind,
    ended: Sequence[ReadableFileSet],
    errors: Mapping[uuid.UUID, str],
    without_decoder: Set[uuid.UUID] = frozenset(),
) -> None:
    """Record automatic reading: one job for all file sets that were read, one for each unreadable one, which failed
    only if there is a decoder for it."""
    good = [one for one in ended if one.id not in errors]
    if good:
        asset_id = good[0].asset_id if len({one.asset_id for one in good}) == 1 else None
        name = f'"{good[0].name}"' if len(good) == 1 else pluralize(len(good), "file set")
        done = {"status": JobStatus.FINISHED, "progress_processed": len(good), "progress_total": len(good)}
        session.add(_build_media_job(kind, name, asset_id, [one.id for one in good], **done, **ENDED_NOW))
    for one in ended:
        if one.id in errors:
            status = JobStatus.FINISHED_WITH_WARNING if one.id in without_decoder else JobStatus.FAILED
            failed = {"status": status, "error_message": errors[one.id]}
            session.add(_build_media_job(kind, f'"{one.name}"', one.asset_id, [one.id], **failed, **ENDED_NOW))
    session.flush()


def _build_media_job(
    kind: MediaKind, name: str, asset_id: uuid.UUID | None, sets: Sequence[uuid.UUID], **values: Any
) -> Job:
    task = MEDIA_TASKS[kind]
    return Job(
        id=new_id(),
        type=MEDIA_JOB_TYPES[kind],
        title=f"{MEDIA_JOB_TITLES[kind]} {name}",
        task=task,
        queue=task.partition(".")[0],
        arguments={"file_sets": [str(one) for one in sets]},
        object_type=ASSET_KIND if asset_id else None,
        object_id=asset_id,
        **values,
    )


def notify_media_readers(sessions: Sessions, notify: Notifier) -> None:
    """Notify the readers of headers and sidecars of queued work, unless folders wait to be grouped: the last of them
    notifies."""
    with sessions() as session:
        kinds = (MediaKind.HEADERS, MediaKind.SIDECARS)
        waiting = [] if has_dirty_islands(session) else [kind for kind in kinds if has_claimable_media(session, kind)]
    for kind in waiting:
        notify(MEDIA_TASKS[kind], [])


def create_reread_job(session: Session, kind: MediaKind, asset_id: uuid.UUID, file_id: uuid.UUID, actor: Actor) -> Job:
    """Create a job that reads the file set of this file again. The actor needs write access to the asset."""
    asset = find_asset(session, actor, asset_id, Permission.WRITE)
    found = session.execute(FILE_SET_OF_FILE, {"asset": asset.id, "file": file_id}).first()
    row = require_found(found, "file", file_id)
    if row.island_id is None:
        raise Conflict(f'the file set "{row.name}" was declared: its files are on no storage that Tapeless reads')
    job = _build_media_job(kind, f'"{row.name}"', asset.id, [row.id], created_by=actor.user_id)
    session.add(job)
    session.flush()
    return job
