"""Jobs of media reading, as users see them.

Automatic reading records one finished job per batch, and a failed one for each unreadable file set, or one for all if a
batch has many: then they are seldom media at all. Restarting such a job, or requesting a new one, reads its file sets
again.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence, Set
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

MAX_JOBS_OF_UNREADABLE_SETS = 10
"""Per batch: if more file sets are unreadable, one job lists all. Writing a job took 1 ms of processor time, as long as
all else of a file set that is no media."""
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
    dead_letters: Set[uuid.UUID] = frozenset(),
) -> None:
    """Record automatic reading; what is unreadable failed only if there is a decoder for it."""
    for status, sets in _divide_by_job(ended, errors, without_decoder, dead_letters):
        asset_id = sets[0].asset_id if len({one.asset_id for one in sets}) == 1 else None
        name = f'"{sets[0].name}"' if len(sets) == 1 else pluralize(len(sets), "file set")
        values: dict[str, Any]
        if status is JobStatus.FINISHED:
            values = {"progress_processed": len(sets), "progress_total": len(sets)}
        else:
            values = {"error_message": join_reasons([errors[one.id] for one in sets])}
        ids = [one.id for one in sets]
        session.add(_build_media_job(kind, name, asset_id, ids, status=status, **values, **ENDED_NOW))
    session.flush()


def _divide_by_job(
    ended: Sequence[ReadableFileSet],
    errors: Mapping[uuid.UUID, str],
    without_decoder: Set[uuid.UUID],
    dead_letters: Set[uuid.UUID],
) -> Iterator[tuple[JobStatus, Sequence[ReadableFileSet]]]:
    """Divide file sets into those of one job each. A dead letter has its own, by which an operator requeues it."""
    by_status: dict[JobStatus, list[ReadableFileSet]] = {
        JobStatus.FINISHED: [],
        JobStatus.FINISHED_WITH_WARNING: [],
        JobStatus.FAILED: [],
    }
    for one in (one for one in ended if one.id not in dead_letters):
        if one.id not in errors:
            by_status[JobStatus.FINISHED].append(one)
        else:
            status = JobStatus.FINISHED_WITH_WARNING if one.id in without_decoder else JobStatus.FAILED
            by_status[status].append(one)
    for status, sets in by_status.items():
        if len(sets) > (0 if status is JobStatus.FINISHED else MAX_JOBS_OF_UNREADABLE_SETS):
            yield status, sets
        else:
            yield from ((status, [one]) for one in sets)
    yield from ((JobStatus.FAILED, [one]) for one in ended if one.id in dead_letters)


def join_reasons(reasons: Sequence[str]) -> str:
    """Join why file sets could not be read: of many the first, and how many more there are."""
    more = len(reasons) - MAX_JOBS_OF_UNREADABLE_SETS
    rest = [f"and {more:,} more like these"] if more > 0 else []
    return "; ".join([*reasons[:MAX_JOBS_OF_UNREADABLE_SETS], *rest])


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
