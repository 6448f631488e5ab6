"""Regroup job: groups a whole storage again after its profile changed, or by the rules of a new version.

1. `set_storage_profile` stores the profile with a new revision and creates the job; `request_regroup` only the job.
2. The job walks the islands in id order, some thousand files at a time. It leases a batch to keep the ingest away,
   classifies the file names again (`watch.rows.reclassify`), and leaves the batch dirty, to be read whole.
3. It limits the dirty islands of the storage (backpressure): beyond the limit it releases itself and resumes at the
   next wake-up message of the sweep, so that new files wait for seconds, not for the whole storage.
4. Its cursor is stored on the job row in the transaction of each batch: after a crash it resumes behind the last batch.
5. It completes when every island was grouped by the current rules and profile.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from grouping import RULES_VERSION, Profile
from grouping.model.profile import describe_profile_faults
from models.access.acl import Actor
from models.catalog.file import read_folder_paths
from models.catalog.storage import ProfileRevision, Storage
from models.core.sessions import transact
from models.queues.island import ISLAND_QUEUE, Island, hold_for_regroup
from models.queues.job import Job, JobStatus, Progress
from services.core.audit_log import record_audit
from services.core.errors import DomainError
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun
from watch.rows.reclassify import RECLASSIFY_START, ReclassifyCursor, reclassify_files

REGROUP_TASK = "maintenance.regroup"
REGROUP_OBJECT_TYPE = "storages"


SELECT_NEXT_ISLANDS = text(f"""
    SELECT island.id, (SELECT count(*) FROM folder JOIN file ON file.folder_id = folder.id
        WHERE folder.island_id = island.id) AS files
    FROM {ISLAND_QUEUE.view} AS island
    WHERE storage_id = :storage AND id > :after AND id <= :until AND seen > 0 ORDER BY id LIMIT :most
""")

MEASURE_STORAGE_ISLANDS = text(f"""
    SELECT count(*) AS total, coalesce(max(id), 0) AS last FROM {ISLAND_QUEUE.view} AS island
    WHERE storage_id = :storage AND seen > 0
""")

COUNT_OUTDATED_ISLANDS = text(f"""
    SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting, count(*) FILTER (WHERE parked_at IS NOT NULL) AS dead
    FROM {ISLAND_QUEUE.view} AS island WHERE storage_id = :storage AND id <= :until AND seen > 0
        AND (rules_version, profile_revision) IS DISTINCT FROM (:rules, :revision)
""")


class InvalidProfile(DomainError):
    """A profile is invalid; the text names the key and its fault."""


def parse_profile(values: Mapping[str, Any]) -> Profile:
    """Parse a profile from a JSON object.

    Raises:
        InvalidProfile: names the key and its fault.
    """
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        raise InvalidProfile(f"profile: {describe_profile_faults(error)}") from None


def set_storage_profile(
    session: Session, storage: Storage, profile: Profile | Mapping[str, Any], actor: Actor | None = None
) -> Job | None:
    """Change a storage's profile and create its regroup job; return None if the profile is unchanged."""
    parsed = profile if isinstance(profile, Profile) else parse_profile(profile)
    # FOR UPDATE: two concurrent changes must not store the same revision number.
    session.refresh(storage, with_for_update=True)
    if parsed == Profile.model_validate(storage.profile):
        return None
    # The old profile is kept: until an island is grouped again, it is verified by the profile it was grouped with.
    session.add(ProfileRevision(storage_id=storage.id, revision=storage.profile_revision, profile=storage.profile))
    storage.profile = parsed.model_dump(mode="json", exclude_defaults=True)
    storage.profile_revision += 1
    storage.date_modified = func.now()
    if actor is not None:
        record_audit(session, REGROUP_OBJECT_TYPE, storage.id, f'storage "{storage.name}": changed its profile', actor)
    session.flush()
    return request_regroup(session, storage, actor)


def request_regroup(session: Session, storage: Storage, actor: Actor | None = None) -> Job:
    """Create the job that groups a storage again, or return an unfinished job that does the same."""
    # FOR UPDATE: serializes requests, so that the search for an equal job below sees the other's.
    session.refresh(storage, with_for_update=True)
    arguments = {"profile_revision": storage.profile_revision, "rules_version": RULES_VERSION}
    same = select(Job).where(
        Job.task == REGROUP_TASK,
        Job.object_id == storage.id,
        Job.status.in_((JobStatus.READY, JobStatus.STARTED)),
        Job.dead_lettered_at.is_(None),
        Job.arguments == arguments,
    )
    job = session.scalar(same.order_by(Job.id).limit(1))
    if job is None:
        total = session.execute(MEASURE_STORAGE_ISLANDS, {"storage": storage.id}).one().total
        about = {"object_type": REGROUP_OBJECT_TYPE, "object_id": storage.id, "progress_total": total}
        title = f'Group storage "{storage.name}" again'
        job = add_job(
            session, REGROUP_TASK, "CUSTOM", title, actor, custom_type="REGROUP", arguments=arguments, **about
        )
    return job


@dataclass(frozen=True, slots=True)
class RegroupLimits:
    """Batch sizes, and the backpressure limit: new files wait behind at most `dirty` islands."""

    dirty: int = 2_000
    islands: int = 500
    files: int = 5_000
    rows: int = 5_000


DEFAULT_REGROUP_LIMITS = RegroupLimits()

IslandBatch = dict[int, int]
"""Islands of one batch: id to number of files."""


def regroup_jobs(limits: RegroupLimits = DEFAULT_REGROUP_LIMITS) -> JobKind:
    """Return the jobs that group a storage again, each run as far as possible now."""
    return JobKind(REGROUP_TASK, lambda run: RegroupRun(run, limits).regroup())


class RegroupRun:
    """Run of one claimed job, starting at the stored cursor."""

    def __init__(self, run: JobRun, limits: RegroupLimits) -> None:
        self._run, self._limits = run, limits
        self._processed, self._total = run.claim.processed, run.claim.total
        self._after, self._until = int(run.claim.kept.get("after", 0)), int(run.claim.kept.get("until", 0))

    def regroup(self) -> JobOutcome:
        """Work until all islands are marked or enough are dirty; then release the job or complete it."""
        if not self._until:
            transact(self._run.sessions, self._measure)
        while batch := transact(self._run.sessions, self._next_batch):
            self._do(batch)
        return transact(self._run.sessions, self._outcome)

    def _measure(self, session: Session) -> None:
        """Count the islands and fix the last id; later islands are grouped by the current profile anyway."""
        asked = {"storage": self._run.claim.object_id}
        self._total, self._until = session.execute(MEASURE_STORAGE_ISLANDS, asked).one()

    def _next_batch(self, session: Session) -> IslandBatch:
        """Return the next islands; empty at the end, and while enough islands are dirty."""
        self._keep(session)
        storage = session.get(Storage, self._run.claim.object_id)
        if storage is None or self._is_outdated(storage):
            return {}
        is_dirty = Island.dirty_since.is_not(None) & Island.dead_lettered_at.is_(None)
        dirty = session.scalar(select(func.count()).where(Island.storage_id == storage.id, is_dirty)) or 0
        most = max(0, min(self._limits.dirty - dirty, self._limits.islands))
        asked = {"storage": storage.id, "after": self._after, "until": self._until, "most": most}
        chosen: IslandBatch = {}
        for row in session.execute(SELECT_NEXT_ISLANDS, asked):
            if chosen and sum(chosen.values()) + row.files > self._limits.files:
                break
            chosen[row.id] = row.files
        return chosen

    def _keep(self, session: Session) -> None:
        """Abort the job on request: finished islands stay regrouped, and a restart starts over."""
        done = f"{self._processed:,} of {pluralize(self._total, 'island')}"
        self._run.heartbeat(session, stopped=f"stopped; {done} dispatched for grouping")

    def _is_outdated(self, storage: Storage) -> bool:
        """Whether the profile changed since; the newer job regroups everything."""
        return bool(storage.profile_revision != self._run.claim.arguments["profile_revision"])

    def _do(self, batch: IslandBatch) -> None:
        """Lease the islands, classify their names again in short transactions, and release them to be grouped."""
        folders = transact(self._run.sessions, lambda session: read_folder_paths(session, sorted(batch), "island_id"))
        place: ReclassifyCursor | None = RECLASSIFY_START
        while place is not None:
            place = transact(self._run.sessions, self._read_again, batch, folders, place)
        transact(self._run.sessions, lambda session: self._let_go(session, batch))
        self._after = max(batch)
        self._processed += len(batch)

    def _read_again(
        self, session: Session, batch: IslandBatch, folders: dict[int, bytes], place: ReclassifyCursor
    ) -> ReclassifyCursor | None:
        hold_for_regroup(session, batch, self._run.claim.owner, self._run.timing.lease_seconds)
        storage = session.get_one(Storage, self._run.claim.object_id)
        profile = Profile.model_validate(storage.profile)
        _, after = reclassify_files(session, folders, profile, place, self._limits.rows)
        # A stop request is ignored until the end of the batch: reclassified names must be grouped.
        self._run.save(session)
        return after

    def _let_go(self, session: Session, batch: IslandBatch) -> None:
        hold_for_regroup(session, batch, None, 0)
        progress = Progress(
            self._processed + len(batch),
            max(self._total, self._processed + len(batch)),
            "reading names and grouping again",
            json.dumps({"after": max(batch), "until": self._until}),
        )
        self._run.save(session, progress)

    def _outcome(self, session: Session) -> JobOutcome:
        """Return the end if everything was grouped, or a pause until the sweep dispatches the job again."""
        self._keep(session)
        storage = session.get(Storage, self._run.claim.object_id)
        if storage is None or self._is_outdated(storage):
            reason = (
                "its storage is gone"
                if storage is None
                else "the profile changed again; the job of that change groups everything"
            )
            return JobEnd(reason, JobStatus.DISCARDED)
        revision = storage.profile_revision
        asked = {"storage": storage.id, "until": self._until, "rules": RULES_VERSION, "revision": revision}
        rest = session.execute(COUNT_OUTDATED_ISLANDS, asked).one()
        if rest.waiting:
            return JobPause(f"{pluralize(rest.waiting, 'island')} still to be grouped")
        if rest.dead:
            reason = f"{pluralize(rest.dead, 'island')} could not be grouped; tapeless explain shows why"
            return JobEnd(reason, JobStatus.FINISHED_WITH_WARNING)
        return JobEnd(f"{pluralize(self._processed, 'island')} grouped again")
