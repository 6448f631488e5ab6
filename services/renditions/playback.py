"""Watching an asset in a browser: its rendition in the profile `web`, which is made when a page first asks for it.

1. A rendition is shown to those who may see the format that it was made of.
2. If there is none, the page's request creates an automatic job, once: a job that failed is not repeated by looking.
3. Until it is done, the page says how long that takes: by its progress, or by how long the last ones took.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, is_format_visible
from models.catalog.asset import Asset, AssetStatus, Component, FileSet, FileSetFile, Format, FormatRole
from models.queues.job import TRANSCODE_TASK, Job, JobStatus, estimate_transcodes
from services.downloads.tickets import is_rendition_visible
from services.renditions.plan import select_sources
from services.renditions.profiles import WEB_PROFILE
from services.renditions.queue import create_transcode_job

RUNNING_STATUSES = (JobStatus.READY, JobStatus.STARTED)


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frame numbers of a sequence: the picture at index `i` of its rendition is frame `first + i * step`."""

    first: int
    last: int
    step: int
    missing: str
    """Frames without a file, as ranges; the rendition holds the frame before each."""


@dataclass(frozen=True, slots=True)
class PlayableRendition:
    """A file that browsers play, with the facts of its header."""

    file_id: uuid.UUID
    general: dict[str, Any]
    video: dict[str, Any] | None
    frames: FrameRange | None


@dataclass(frozen=True, slots=True)
class PlaybackWait:
    """A rendition that does not exist yet."""

    job_id: uuid.UUID
    is_new: bool
    """The job was created by this request: a worker has to be notified."""
    ahead: int
    """Renditions that are made before it."""
    seconds: int | None
    """Estimate until it can be watched; None where nothing is known yet."""
    error: str | None
    """Why it cannot be made."""


def find_playable_rendition(session: Session, actor: Actor, asset: Asset) -> PlayableRendition | None:
    """Return the rendition for browsers of an asset that the actor reads."""
    row = session.execute(
        select(Format, FileSet.id.label("set_id"), FileSetFile.file_id)
        .join(FileSet, FileSet.format_id == Format.id)
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .where(Format.asset_id == asset.id, Format.name == WEB_PROFILE, is_rendition_visible(actor))
        .order_by(Format.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    described = session.execute(select(Component.type, Component.media).where(Component.file_set_id == row.set_id))
    media = {kind.value: facts for kind, facts in described}
    source_id = uuid.UUID(row.Format.media["transcode"]["format"])
    frames = _load_frame_range(session, source_id)
    return PlayableRendition(row.file_id, media.get("GENERAL", {}), media.get("VIDEO"), frames)


def _load_frame_range(session: Session, source_id: uuid.UUID) -> FrameRange | None:
    """Return the frames of the sequence that a rendition shows; None where its source is no sequence."""
    picture = select_sources(session, source_id).picture
    shown = session.get(FileSet, picture) if picture is not None else None
    if shown is None or shown.first_frame is None or shown.last_frame is None:
        return None
    return FrameRange(shown.first_frame, shown.last_frame, shown.frame_step or 1, shown.missing)


def request_playback(session: Session, actor: Actor, asset: Asset) -> PlaybackWait | None:
    """Return the job that makes an asset watchable, created if there is none; None where nothing can be made of it."""
    if asset.status is AssetStatus.DELETED:
        return None
    visible = select(Format.id).where(
        Format.asset_id == asset.id, Format.role == FormatRole.ORIGINAL, is_format_visible(actor, Format.id)
    )
    for format_id in session.scalars(visible.order_by(Format.is_online.desc(), Format.id)):
        if not select_sources(session, format_id).is_empty:
            return _wait_for(session, asset, format_id)
    return None


def _wait_for(session: Session, asset: Asset, format_id: uuid.UUID) -> PlaybackWait:
    found, is_new = _find_job(session, asset, format_id), False
    if found is None:
        # Locked, so that two requests at once do not create two jobs.
        session.get(Asset, asset.id, with_for_update=True)
        found = _find_job(session, asset, format_id)
    if found is None:
        found, is_new = create_transcode_job(session, asset, format_id, WEB_PROFILE, None), True
        session.flush()
    if found.status not in RUNNING_STATUSES or found.dead_lettered_at is not None:
        return PlaybackWait(found.id, False, 0, None, found.error_message or "it was stopped")
    return estimate_wait(session, found, is_new=is_new)


def _find_job(session: Session, asset: Asset, format_id: uuid.UUID) -> Job | None:
    """Return the last job that makes this format watchable."""
    jobs = session.scalars(
        select(Job).where(Job.task == TRANSCODE_TASK, Job.object_id == asset.id).order_by(Job.id.desc())
    )
    wanted = (str(format_id), WEB_PROFILE)
    return next((job for job in jobs if (job.arguments["format_id"], job.arguments["profile"]) == wanted), None)


def estimate_wait(session: Session, job: Job, *, is_new: bool) -> PlaybackWait:
    """Estimate when a rendition is done: by its progress, else by its place in the queue and the last renditions."""
    now: datetime = session.scalar(text("SELECT clock_timestamp()"))
    if job.status is JobStatus.STARTED and job.started_at is not None and job.progress_processed:
        passed = (now - job.started_at).total_seconds()
        left = passed * (job.progress_total - job.progress_processed) / job.progress_processed
        return PlaybackWait(job.id, is_new, 0, round(left), None)
    ahead, each = estimate_transcodes(session, job)
    seconds = None if each is None else max(1, round(each * (ahead + 1)))
    return PlaybackWait(job.id, is_new, ahead, seconds, None)
