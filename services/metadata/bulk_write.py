"""Bulk metadata write: set the same values on many objects as a job. The request is validated before the job exists; an
object that may not be written is reported in the job and does not stop the others.

1. `create_bulk_write_job` validates view and values, and creates the job with its list of objects.
2. The job processes the list in id order, one batch per transaction, with the current rights of its requester.
3. Progress is saved on the job's row in the transaction of each batch, so a killed job resumes after its last batch.
4. It ends with a warning if objects were refused; the first refusals and their reasons are in its `job_context`.
"""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.access.acl import Actor, Permission, has_permission
from models.catalog.asset import Asset, AssetStatus
from models.catalog.metadata import MetadataBulkObject
from models.core.base import new_id
from models.core.bulk import copy_rows, in_array
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.core.actors import find_actor
from services.core.errors import DomainError, NotFound, PermissionDenied, ValidationFailed
from services.core.text import pluralize
from services.jobs.leases import (
    JobClaim,
    JobLostError,
    Progress,
    claim_jobs,
    complete_job,
    fail_job,
    heartbeat_job,
    job_context,
)
from services.metadata.change_set import FieldChange, FieldInput, WriteMode, validate_changes
from services.metadata.forms import MetadataForm, load_view_form
from services.metadata.types import quote
from services.metadata.values import require_view_write_access, write_objects_values
from services.objects.objects import OBJECT_FINDERS, ObjectRef, get_object_for_update

SET_VALUES_TASK = "maintenance.set_values"
MAX_BULK_OBJECTS = 50_000
BULK_WRITE_BATCH_SIZE = 200
MAX_REPORTED_REFUSALS = 100
log = logging.getLogger(__name__)


def create_bulk_write_job(
    session: Session,
    object_type: str,
    view_id: uuid.UUID,
    object_ids: Sequence[uuid.UUID],
    given: Mapping[str, FieldInput],
    actor: Actor,
) -> Job:
    """Create the job that writes values through a view on many objects.

    Raises:
        ValidationFailed: the object type, the number of objects or a value is invalid.
        NotFound: the view does not exist.
    """
    ids = sorted(set(object_ids))
    if object_type not in OBJECT_FINDERS:
        raise ValidationFailed(
            "object_type", f"{quote(object_type)} is no kind of object; known are {', '.join(OBJECT_FINDERS)}"
        )
    if not 0 < len(ids) <= MAX_BULK_OBJECTS:
        raise ValidationFailed("object_ids", f"between 1 and {MAX_BULK_OBJECTS:,} objects, not {len(ids):,}")
    form = load_view_form(session, view_id)
    require_view_write_access(form, actor)
    changes = validate_changes(form, given)
    values = [{"name": change.rule.name, "values": change.values, "mode": change.mode} for change in changes]
    job = Job(
        id=new_id(),
        type="METADATA",
        title=f'Metadata "{form.view.name if form.view else ""}" of {len(ids):,} {object_type}',
        task=SET_VALUES_TASK,
        arguments={"object_type": object_type, "view_id": str(view_id), "values": values},
        created_by=actor.user_id,
        progress_total=len(ids),
    )
    session.add(job)
    session.flush()
    copy_rows(session, MetadataBulkObject, ("job_id", "object_id"), ((job.id, object_id) for object_id in ids))
    return job


class BulkWriteAbortedError(Exception):
    """The job was asked to stop."""


@dataclass(frozen=True, slots=True)
class BulkWriteProgress:
    """Counts of processed and refused objects; saved in the job's row between batches."""

    processed: int = 0
    after: uuid.UUID | None = None
    refused: int = 0
    reasons: tuple[dict[str, str], ...] = ()

    @classmethod
    def of(cls, claim: JobClaim) -> "BulkWriteProgress":
        """Restore the progress of a claimed job. A restarted job has a count of zero and starts over."""
        kept = claim.details.get("bulk") if claim.processed else None
        if not kept:
            return cls()
        reasons = claim.details.get("job_context", {}).get("refused", ())
        return cls(claim.processed, uuid.UUID(kept["after"]), kept["refused"], tuple(reasons))

    def add_batch(self, ids: Sequence[uuid.UUID], refused: Mapping[uuid.UUID, str]) -> "BulkWriteProgress":
        """Return the progress after one more batch."""
        reasons = [{"object_id": str(key), "error": why[:1_000]} for key, why in refused.items()]
        return BulkWriteProgress(
            self.processed + len(ids),
            ids[-1],
            self.refused + len(refused),
            (*self.reasons, *reasons)[:MAX_REPORTED_REFUSALS],
        )

    def progress(self) -> Progress:
        """Return the progress as the job's row stores it; clients read its `job_context`."""
        context = {"refused": self.reasons, "refused_count": self.refused}
        details = {"bulk": {"after": str(self.after), "refused": self.refused}, "job_context": context}
        return Progress(processed=self.processed, details=json.dumps(details))


class BulkWriteRun:
    """One run of a claimed bulk write job."""

    def __init__(self, sessions: Sessions, timing: Timing, claim: JobClaim) -> None:
        self._sessions, self._timing, self._claim = sessions, timing, claim
        self._object_type = claim.arguments["object_type"]
        self._tally = BulkWriteProgress.of(claim)

    def run(self) -> None:
        """Write batch by batch until no object is left."""
        while (tally := transact(self._sessions, self._write_next)) is not None:
            self._tally = tally
        self._end(JobStatus.FINISHED_WITH_WARNING if self._tally.refused else JobStatus.FINISHED, "")

    def stop(self) -> None:
        """End the job as aborted. Written values stay; a restart processes all objects again."""
        self._end(JobStatus.ABORTED, "stopped; ")

    def refuse(self, refusal: DomainError) -> None:
        """Fail the job for good: its view, a field or its requester no longer exists or lost the right."""
        self._end(JobStatus.FAILED, f"{refusal}; ")

    def fail(self, error: Exception) -> None:
        """Record the error; the job is retried later and dead-lettered after several attempts."""
        text = f"{type(error).__name__}: {error}"
        transact(self._sessions, lambda session: fail_job(session, self._claim, text))

    def _end(self, status: JobStatus, before: str) -> None:
        tally = self._tally
        refused = f", {tally.refused:,} refused" if tally.refused else ""
        text = f"{before}{pluralize(tally.processed - tally.refused, 'object')} written{refused}"
        transact(self._sessions, lambda session: complete_job(session, self._claim, status, text))

    def _write_next(self, session: Session) -> BulkWriteProgress | None:
        """Write one batch, with the job's row locked until the transaction ends. Return None if no object is left."""
        if heartbeat_job(session, self._claim, self._timing):
            raise BulkWriteAbortedError
        ids = self._next(session, self._tally.after)
        if not ids:
            return None
        tally = self._tally.add_batch(ids, self._write(session, ids))
        heartbeat_job(session, self._claim, self._timing, tally.progress())
        return tally

    def _next(self, session: Session, after: uuid.UUID | None) -> list[uuid.UUID]:
        query = select(MetadataBulkObject.object_id).where(MetadataBulkObject.job_id == self._claim.id)
        if after is not None:
            query = query.where(MetadataBulkObject.object_id > after)
        return list(session.scalars(query.order_by(MetadataBulkObject.object_id).limit(BULK_WRITE_BATCH_SIZE)))

    def _write(self, session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Write a batch and return the refused objects with their reasons."""
        actor, form, changes = self._load_request(session)
        found, refused = find_writable_objects(session, actor, self._object_type, ids)
        outcome = write_objects_values(
            session, form, found, dict.fromkeys(found, changes), actor, job_id=self._claim.id
        )
        return refused | outcome.refused

    def _load_request(self, session: Session) -> tuple[Actor, MetadataForm, list[FieldChange]]:
        """Load requester, form and changes as they are now: rights, views and options may have changed since the
        request."""
        asker = session.scalar(select(Job.created_by).where(Job.id == self._claim.id))
        actor = find_actor(session, asker) if asker else None
        if actor is None:
            raise PermissionDenied("whoever asked for this may not sign in any more")
        form = load_view_form(session, uuid.UUID(self._claim.arguments["view_id"]))
        require_view_write_access(form, actor)
        values = self._claim.arguments["values"]
        given = {one["name"]: FieldInput(one["values"], WriteMode(one["mode"])) for one in values}
        return actor, form, validate_changes(form, given)


def find_writable_objects(
    session: Session, actor: Actor, object_type: str, ids: Sequence[uuid.UUID]
) -> tuple[dict[uuid.UUID, ObjectRef], dict[uuid.UUID, str]]:
    """Lock the objects that the actor may write, in id order.

    Returns: The writable objects by id, and for each of the others the reason why it is refused.
    """
    if object_type == "assets":
        return _find_writable_assets(session, actor, ids)
    found, refused = {}, {}
    for object_id in ids:
        try:
            one = get_object_for_update(session, actor, object_type, object_id)
            found[one.id] = one
        except DomainError as refusal:
            refused[object_id] = str(refusal)
    return found, refused


def _find_writable_assets(
    session: Session, actor: Actor, ids: Sequence[uuid.UUID]
) -> tuple[dict[uuid.UUID, ObjectRef], dict[uuid.UUID, str]]:
    """Find writable assets in one query; a merged asset is found as its survivor."""
    asked = aliased(Asset)
    query = (
        select(
            asked.id,
            Asset.id,
            Asset.title,
            Asset.status,
            has_permission(actor, "assets", Asset.id, Permission.READ).label("reads"),
            has_permission(actor, "assets", Asset.id, Permission.WRITE).label("writes"),
        )
        .join(Asset, Asset.id == func.coalesce(asked.merged_into, asked.id))
        .where(in_array(asked.id, ids))
        .order_by(Asset.id)
        # FOR NO KEY UPDATE in id order: writers of the same assets wait without deadlock, and foreign keys stay usable.
        .with_for_update(of=Asset, key_share=True)
    )
    found: dict[uuid.UUID, ObjectRef] = {}
    refused = {object_id: str(NotFound("asset", object_id)) for object_id in ids}
    for asked_id, asset_id, title, status, reads, writes in session.execute(query):
        if not reads:
            continue
        if not writes:
            refused[asked_id] = f'you may read the asset "{title}", but not "write" it'
        elif status == AssetStatus.DELETED:
            refused[asked_id] = f'"{title}" is deleted; restore it first'
        else:
            del refused[asked_id]
            found[asset_id] = ObjectRef("assets", asset_id, title, False, asset_id, asset_id)
    return found, refused


def run_bulk_write_jobs(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> int:
    """Run those of these jobs that can be claimed and return their number. An unexpected error fails its job and is
    re-raised."""
    claims = transact(sessions, lambda session: claim_jobs(session, SET_VALUES_TASK, job_ids, timing))
    for claim in claims:
        # Every end of the job below is fenced: a run that lost its lease writes nothing (JobLostError).
        with job_context(claim):
            bulk = BulkWriteRun(sessions, timing, claim)
            try:
                bulk.run()
            except BulkWriteAbortedError:
                bulk.stop()
            except JobLostError as lost:
                log.info("%s", lost)
            except DomainError as refusal:
                bulk.refuse(refusal)
            except Exception as error:
                bulk.fail(error)
                raise
    return len(claims)
