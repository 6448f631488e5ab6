"""The transcode queue: jobs are requested by users, triggers or storage settings, and claimed one by one.

Transcodes take long, so workers are not notified for each job: a message claims the oldest waiting job, and notifies
another worker before it starts.
"""

import socket
import uuid
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.acl import Actor, Permission
from models.asset import Asset, Format, FormatRole
from models.base import new_id
from models.job import Job, JobStatus
from models.timing import Timing
from tasks.assets import KIND, find_asset
from tasks.formats import find_format
from tasks.job_leases import SELF_SERVED, JobClaim, claim_jobs
from tasks.media_sources import SetToRead
from tasks.refusals import Conflict
from tasks.renditions import renditions_of, warn_older
from tasks.transcode_plan import choose

TASK = "transcode.run"
QUEUE = "transcode"
PRIORITY_ITSELF = 7
"""Lower priority than requests of users."""
CLAIM_LOCK = 7_411_034

assert TASK in SELF_SERVED

WAITING = """
    job.queue = 'transcode' AND job.task = 'transcode.run'
    AND job.status IN ('READY', 'STARTED') AND job.parked_at IS NULL
    AND job.not_before <= now() AND (job.lease_until IS NULL OR job.lease_until <= now())
    AND NOT EXISTS (
        SELECT FROM job AS other WHERE other.task = job.task AND other.id <> job.id AND other.lease_until > now()
            AND other.object_id = job.object_id
            AND other.arguments ->> 'format_id' = job.arguments ->> 'format_id'
            AND other.arguments ->> 'profile' = job.arguments ->> 'profile'
    )
"""
"""Transcodes of the same rendition never overlap: the later one reads the newer files."""
RUNNING_HERE = """
    SELECT count(*) FROM job AS here WHERE here.queue = 'transcode' AND here.task = 'transcode.run'
        AND here.status = 'STARTED' AND here.lease_until > now() AND split_part(here.lease_owner, ':', 1) = :host
"""
"""Number of transcodes that run on this machine."""
NEXT = text(f"""
    SELECT id FROM job WHERE {WAITING} AND ({RUNNING_HERE}) < :most
    ORDER BY priority, id LIMIT 1 FOR UPDATE OF job SKIP LOCKED
""")
IS_WAITING = text(f"SELECT EXISTS (SELECT FROM job WHERE {WAITING})")

ORIGINALS = text("""
    SELECT id FROM format WHERE asset_id = :asset AND role = 'original' ORDER BY is_online DESC, id
""")


def is_transcode_waiting(session: Session) -> bool:
    """Return whether a job can be claimed now."""
    return bool(session.scalar(IS_WAITING))


def claim_next(session: Session, timing: Timing, most: int) -> JobClaim | None:
    """Claim the next job, unless `most` jobs run on this machine already."""
    # Serialises claims: without it, two workers of one machine would both count the running jobs and exceed the limit.
    session.execute(select(func.pg_advisory_xact_lock(CLAIM_LOCK)))
    job_id = session.scalar(NEXT, {"host": socket.gethostname(), "most": most})
    if job_id is None:
        return None
    return next(iter(claim_jobs(session, TASK, [job_id], timing)), None)


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
    if choose(session, source.id).is_empty:
        raise Conflict(f'the format "{source.name}" has no moving picture and no sound on a storage to transcode')
    job = _waiting(session, asset.id, source.id, profile)
    if job is None:
        job = _new_job(session, asset, source.id, profile, by_hand=True)
        job.created_by = actor.user_id
    elif not job.arguments["by_hand"]:
        job.arguments = {**job.arguments, "by_hand": True}
        job.priority = min(job.priority, PRIORITY_ITSELF - 2)
    session.flush()
    return job


def _first_original(session: Session, asset: Asset) -> Format:
    for format_id in session.scalars(ORIGINALS, {"asset": asset.id}).all():
        if not choose(session, format_id).is_empty:
            return session.get_one(Format, format_id)
    raise Conflict(f'the asset "{asset.title}" has no moving picture and no sound on a storage to transcode')


def _waiting(session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, profile: str) -> Job | None:
    """Return a job that has not started yet and will read the current files."""
    found = session.scalars(
        select(Job)
        .where(
            Job.task == TASK,
            Job.object_id == asset_id,
            Job.status == JobStatus.READY,
            Job.parked_at.is_(None),
            Job.lease_until.is_(None),
        )
        .order_by(Job.id)
        .with_for_update()
    )
    same = (job for job in found if (job.arguments["format_id"], job.arguments["profile"]) == (str(format_id), profile))
    return next(same, None)


def _new_job(session: Session, asset: Asset, format_id: uuid.UUID, profile: str, *, by_hand: bool) -> Job:
    job = Job(
        id=new_id(),
        type="TRANSCODE",
        title=f'Transcode "{asset.title}" to {profile}',
        task=TASK,
        queue=QUEUE,
        arguments={"format_id": str(format_id), "profile": profile, "by_hand": by_hand},
        object_type=KIND,
        object_id=asset.id,
    )
    if not by_hand:
        job.priority = PRIORITY_ITSELF
    session.add(job)
    return job


def refresh_renditions(session: Session, read: Sequence[SetToRead]) -> int:
    """After file sets were probed: create jobs for renditions that their storage requires and for automatic ones that
    are outdated, and mark outdated those that users requested. Return the number of jobs.
    """
    originals = {one.format_id: one for one in read if one.is_original}
    kept: dict[uuid.UUID, dict[str, tuple[uuid.UUID, dict]]] = defaultdict(dict)
    assets = sorted({one.asset_id for one in originals.values()})
    for rendition_id, profile, origin in renditions_of(session, assets, list(originals)) if originals else ():
        kept[uuid.UUID(origin["format"])][profile] = (rendition_id, origin)
    made = 0
    for format_id, one in sorted(originals.items()):
        wanted = one.settings.transcode_profiles
        if wanted or kept[format_id]:
            made += _refresh(session, one, wanted, kept[format_id])
    return made


def _refresh(session: Session, one: SetToRead, wanted: Sequence[str], kept: dict[str, tuple[uuid.UUID, dict]]) -> int:
    chosen = choose(session, one.format_id)
    if chosen.is_empty:
        return 0
    stale = {profile for profile, (_, origin) in kept.items() if origin["state"] != chosen.state}
    by_hand = {profile for profile in stale if kept[profile][1]["by_hand"] and profile not in wanted}
    warn_older(session, [kept[profile][0] for profile in sorted(by_hand)])
    again = [*(profile for profile in wanted if profile not in kept), *sorted(stale - by_hand)]
    asset = session.get_one(Asset, one.asset_id)
    made = 0
    for profile in dict.fromkeys(again):
        if _waiting(session, asset.id, one.format_id, profile) is None:
            _new_job(session, asset, one.format_id, profile, by_hand=False)
            made += 1
    session.flush()
    return made
