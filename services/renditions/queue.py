"""Transcode jobs are requested by users, triggers or storage settings."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import ASSET_KIND, Asset, Format, FormatRole
from models.queues.job import TRANSCODE_TASK, Job, JobStatus
from services.catalog.assets.assets import find_asset
from services.catalog.assets.formats import find_format
from services.catalog.assets.sources import ReadableFileSet
from services.core.errors import Conflict
from services.jobs.jobs import add_job
from services.renditions.plan import select_sources
from services.renditions.registry import ORIGIN_KEY, forget_rendition_failures, load_renditions, mark_outdated

AUTOMATIC_TRANSCODE_PRIORITY = 7
"""Lower priority than requests of users."""

ORIGINAL_FORMATS = text("""
    SELECT id FROM format WHERE asset_id = :asset AND role = 'original' ORDER BY is_online DESC, id
""")


def request_transcode(
    session: Session, asset_id: uuid.UUID, format_id: uuid.UUID | None, profile: str, actor: Actor
) -> Job:
    """Create a job that makes a rendition of a format; a waiting job for the same rendition is returned instead. The
    actor needs write access to the asset. Without a format, the first original with picture or sound is used.
    """
    asset = find_asset(session, actor, asset_id, Permission.WRITE)
    source = find_format(session, asset, format_id) if format_id else _first_original(session, asset)
    if source.role is not FormatRole.ORIGINAL:
        raise Conflict(f'the format "{source.name}" is no original; renditions are made of what was delivered')
    if select_sources(session, source.id).is_empty:
        raise Conflict(f'the format "{source.name}" has no moving picture and no sound on a storage to transcode')
    job = _find_waiting_job(session, asset.id, source.id, profile)
    if job is None:
        job = create_transcode_job(session, asset, source.id, profile, actor)
    elif not job.arguments["by_hand"]:
        job.arguments = {**job.arguments, "by_hand": True}
        job.priority = min(job.priority, AUTOMATIC_TRANSCODE_PRIORITY - 2)
    session.flush()
    return job


def _first_original(session: Session, asset: Asset) -> Format:
    for format_id in session.scalars(ORIGINAL_FORMATS, {"asset": asset.id}).all():
        if not select_sources(session, format_id).is_empty:
            return session.get_one(Format, format_id)
    raise Conflict(f'the asset "{asset.title}" has no moving picture and no sound on a storage to transcode')


def _find_waiting_job(session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, profile: str) -> Job | None:
    """Return a job that has not started yet and will read the current files."""
    found = session.scalars(
        select(Job)
        .where(
            Job.task == TRANSCODE_TASK,
            Job.object_id == asset_id,
            Job.status == JobStatus.READY,
            Job.dead_lettered_at.is_(None),
            Job.lease_until.is_(None),
        )
        .order_by(Job.id)
        .with_for_update()
    )
    same = (job for job in found if (job.arguments["format_id"], job.arguments["profile"]) == (str(format_id), profile))
    return next(same, None)


def create_transcode_job(
    session: Session,
    asset: Asset,
    format_id: uuid.UUID,
    profile: str,
    actor: Actor | None,
    parent_id: uuid.UUID | None = None,
) -> Job:
    """Create a job for a user, or an automatic one."""
    about = {"object_type": ASSET_KIND, "object_id": asset.id, "parent_id": parent_id}
    title = f'Transcode "{asset.title}" to {profile}'
    arguments = {"format_id": str(format_id), "profile": profile, "by_hand": actor is not None}
    priority = AUTOMATIC_TRANSCODE_PRIORITY if actor is None else None
    return add_job(session, TRANSCODE_TASK, "TRANSCODE", title, actor, arguments=arguments, priority=priority, **about)


def request_rendition_again(session: Session, rendition_id: uuid.UUID, parent_id: uuid.UUID) -> bool:
    """Create a job that makes a rendition again, though its source is unchanged; return False if it cannot be made
    now."""
    rendition = session.get_one(Format, rendition_id)
    origin = rendition.media[ORIGIN_KEY]
    source_id = uuid.UUID(origin["format"])
    if session.get(Format, source_id) is None or select_sources(session, source_id).is_empty:
        return False
    job = _find_waiting_job(session, rendition.asset_id, source_id, rendition.name)
    if job is None:
        asset = session.get_one(Asset, rendition.asset_id)
        job = create_transcode_job(session, asset, source_id, rendition.name, None, parent_id)
    # A rendition that a user requested stays one.
    job.arguments = {**job.arguments, "again": True, "by_hand": job.arguments["by_hand"] or origin["by_hand"]}
    session.flush()
    return True


def request_wanted_rendition(session: Session, format_id: uuid.UUID, profile: str, parent_id: uuid.UUID) -> bool:
    """Create a job for a rendition that a storage wants and that was never made; return False if one waits."""
    source = session.get_one(Format, format_id)
    if _find_waiting_job(session, source.asset_id, format_id, profile) is not None:
        return False
    asset = session.get_one(Asset, source.asset_id)
    create_transcode_job(session, asset, format_id, profile, None, parent_id)
    return True


def refresh_renditions(session: Session, read: Sequence[ReadableFileSet]) -> int:
    """After file sets were probed: create jobs for renditions that their storage requires and for automatic ones that
    are outdated, and mark outdated those that users requested. Return the number of jobs.
    """
    originals = {one.format_id: one for one in read if one.is_original}
    kept: dict[uuid.UUID, dict[str, tuple[uuid.UUID, dict[str, Any]]]] = defaultdict(dict)
    forget_rendition_failures(session, sorted(originals))
    assets = sorted({one.asset_id for one in originals.values()})
    for rendition_id, profile, origin in load_renditions(session, assets, list(originals)) if originals else ():
        kept[uuid.UUID(origin["format"])][profile] = (rendition_id, origin)
    made = 0
    for format_id, one in sorted(originals.items()):
        wanted = one.settings.transcode_profiles
        if wanted or kept[format_id]:
            made += _refresh_format(session, one, wanted, kept[format_id])
    return made


def _refresh_format(
    session: Session, one: ReadableFileSet, wanted: Sequence[str], kept: dict[str, tuple[uuid.UUID, dict[str, Any]]]
) -> int:
    chosen = select_sources(session, one.format_id)
    if chosen.is_empty:
        return 0
    stale = {profile for profile, (_, origin) in kept.items() if origin["state"] != chosen.state}
    by_hand = {profile for profile in stale if kept[profile][1]["by_hand"] and profile not in wanted}
    mark_outdated(session, [kept[profile][0] for profile in sorted(by_hand)])
    again = [*(profile for profile in wanted if profile not in kept), *sorted(stale - by_hand)]
    asset = session.get_one(Asset, one.asset_id)
    made = 0
    for profile in dict.fromkeys(again):
        if _find_waiting_job(session, asset.id, one.format_id, profile) is None:
            create_transcode_job(session, asset, one.format_id, profile, None)
            made += 1
    session.flush()
    return made
