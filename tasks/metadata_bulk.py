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
from typing import Any

from celery import Task, shared_task
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.acl import Actor, Permission, permitted
from models.asset import Asset, AssetStatus
from models.base import new_id
from models.bulk import among, copy_rows
from models.job import Job, JobStatus
from models.metadata import MetadataBulkObject
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.actors import find_actor
from tasks.job_leases import JobClaim, JobLostError, Progress, about_job, claim_jobs, end_job, fail_job, keep_job
from tasks.metadata_changes import Change, Given, Mode, read_changes
from tasks.metadata_forms import Form, form_of_view
from tasks.metadata_types import quoted
from tasks.metadata_values import refuse_closed, write_many
from tasks.objects import FINDERS, Found, find_object_for_change
from tasks.refusals import Denied, Invalid, Missing, Refusal
from tasks.sentences import counted

TASK = "maintenance.set_values"
MOST_OBJECTS = 50_000
BATCH = 200
SHOWN_REFUSALS = 100
log = logging.getLogger(__name__)


def request_bulk(
    session: Session,
    object_type: str,
    view_id: uuid.UUID,
    object_ids: Sequence[uuid.UUID],
    given: Mapping[str, Given],
    actor: Actor,
) -> Job:
    """Create the job that writes values through a view on many objects.

    Raises:
        ValidationFailed: the object type, the number of objects or a value is invalid.
        NotFound: the view does not exist.
    """
    ids = sorted(set(object_ids))
    if object_type not in FINDERS:
        raise Invalid("object_type", f"{quoted(object_type)} is no kind of object; known are {', '.join(FINDERS)}")
    if not 0 < len(ids) <= MOST_OBJECTS:
        raise Invalid("object_ids", f"between 1 and {MOST_OBJECTS:,} objects, not {len(ids):,}")
    form = form_of_view(session, view_id)
    refuse_closed(form, actor)
    changes = read_changes(form, given)
    values = [{"name": change.rule.name, "values": change.values, "mode": change.mode} for change in changes]
    job = Job(
        id=new_id(),
        type="METADATA",
        title=f'Metadata "{form.view.name if form.view else ""}" of {len(ids):,} {object_type}',
        task=TASK,
        arguments={"object_type": object_type, "view_id": str(view_id), "values": values},
        created_by=actor.user_id,
        progress_total=len(ids),
    )
    session.add(job)
    session.flush()
    copy_rows(session, MetadataBulkObject, ("job_id", "object_id"), ((job.id, object_id) for object_id in ids))
    return job


class JobAbortedError(Exception):
    """The job was asked to stop."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of processed and refused objects; saved in the job's row between batches."""

    processed: int = 0
    after: uuid.UUID | None = None
    refused: int = 0
    reasons: tuple[dict[str, str], ...] = ()

    @classmethod
    def of(cls, claim: JobClaim) -> "Tally":
        """Restore the progress of a claimed job. A restarted job has a count of zero and starts over."""
        kept = claim.details.get("bulk") if claim.processed else None
        if not kept:
            return cls()
        reasons = claim.details.get("job_context", {}).get("refused", ())
        return cls(claim.processed, uuid.UUID(kept["after"]), kept["refused"], tuple(reasons))

    def plus(self, ids: Sequence[uuid.UUID], refused: Mapping[uuid.UUID, str]) -> "Tally":
        """Return the progress after one more batch."""
        reasons = [{"object_id": str(key), "error": why[:1_000]} for key, why in refused.items()]
        return Tally(
            self.processed + len(ids),
            ids[-1],
            self.refused + len(refused),
            (*self.reasons, *reasons)[:SHOWN_REFUSALS],
        )

    def progress(self) -> Progress:
        """Return the progress as the job's row stores it; clients read its `job_context`."""
        context = {"refused": self.reasons, "refused_count": self.refused}
        details = {"bulk": {"after": str(self.after), "refused": self.refused}, "job_context": context}
        return Progress(processed=self.processed, details=json.dumps(details))


class BulkWrite:
    """One run of a claimed bulk write job."""

    def __init__(self, sessions: Sessions, timing: Timing, claim: JobClaim) -> None:
        self._sessions, self._timing, self._claim = sessions, timing, claim
        self._object_type = claim.arguments["object_type"]
        self._tally = Tally.of(claim)

    def run(self) -> None:
        """Write batch by batch until no object is left."""
        while (tally := transact(self._sessions, self._write_next)) is not None:
            self._tally = tally
        self._end(JobStatus.FINISHED_WITH_WARNING if self._tally.refused else JobStatus.FINISHED, "")

    def stop(self) -> None:
        """End the job as aborted. Written values stay; a restart processes all objects again."""
        self._end(JobStatus.ABORTED, "stopped; ")

    def refuse(self, refusal: Refusal) -> None:
        """Fail the job for good: its view, a field or its requester no longer exists or lost the right."""
        self._end(JobStatus.FAILED, f"{refusal}; ")

    def fail(self, error: Exception) -> None:
        """Record the error; the job is retried later and dead-lettered after several attempts."""
        text = f"{type(error).__name__}: {error}"
        transact(self._sessions, lambda session: fail_job(session, self._claim, text))

    def _end(self, status: JobStatus, before: str) -> None:
        tally = self._tally
        refused = f", {tally.refused:,} refused" if tally.refused else ""
        text = f"{before}{counted(tally.processed - tally.refused, 'object')} written{refused}"
        transact(self._sessions, lambda session: end_job(session, self._claim, status, text))

    def _write_next(self, session: Session) -> Tally | None:
        """Write one batch, with the job's row locked until the transaction ends. Return None if no object is left."""
        if keep_job(session, self._claim, self._timing):
            raise JobAbortedError
        ids = self._next(session, self._tally.after)
        if not ids:
            return None
        tally = self._tally.plus(ids, self._write(session, ids))
        keep_job(session, self._claim, self._timing, tally.progress())
        return tally

    def _next(self, session: Session, after: uuid.UUID | None) -> list[uuid.UUID]:
        query = select(MetadataBulkObject.object_id).where(MetadataBulkObject.job_id == self._claim.id)
        if after is not None:
            query = query.where(MetadataBulkObject.object_id > after)
        return list(session.scalars(query.order_by(MetadataBulkObject.object_id).limit(BATCH)))

    def _write(self, session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Write a batch and return the refused objects with their reasons."""
        actor, form, changes = self._question(session)
        found, refused = find_many(session, actor, self._object_type, ids)
        outcome = write_many(session, form, found, dict.fromkeys(found, changes), actor, job_id=self._claim.id)
        return refused | outcome.refused

    def _question(self, session: Session) -> tuple[Actor, Form, list[Change]]:
        """Load requester, form and changes as they are now: rights, views and options may have changed since the
        request."""
        asker = session.scalar(select(Job.created_by).where(Job.id == self._claim.id))
        actor = find_actor(session, asker) if asker else None
        if actor is None:
            raise Denied("whoever asked for this may not sign in any more")
        form = form_of_view(session, uuid.UUID(self._claim.arguments["view_id"]))
        refuse_closed(form, actor)
        values = self._claim.arguments["values"]
        given = {one["name"]: Given(one["values"], Mode(one["mode"])) for one in values}
        return actor, form, read_changes(form, given)


def find_many(
    session: Session, actor: Actor, object_type: str, ids: Sequence[uuid.UUID]
) -> tuple[dict[uuid.UUID, Found], dict[uuid.UUID, str]]:
    """Lock the objects that the actor may write, in id order.

    Returns: The writable objects by id, and for each of the others the reason why it is refused.
    """
    if object_type == "assets":
        return _find_assets(session, actor, ids)
    found, refused = {}, {}
    for object_id in ids:
        try:
            one = find_object_for_change(session, actor, object_type, object_id)
            found[one.id] = one
        except Refusal as refusal:
            refused[object_id] = str(refusal)
    return found, refused


def _find_assets(
    session: Session, actor: Actor, ids: Sequence[uuid.UUID]
) -> tuple[dict[uuid.UUID, Found], dict[uuid.UUID, str]]:
    """Find writable assets in one query; a merged asset is found as its survivor."""
    asked = aliased(Asset)
    query = (
        select(
            asked.id,
            Asset.id,
            Asset.title,
            Asset.status,
            permitted(actor, "assets", Asset.id, Permission.READ).label("reads"),
            permitted(actor, "assets", Asset.id, Permission.WRITE).label("writes"),
        )
        .join(Asset, Asset.id == func.coalesce(asked.merged_into, asked.id))
        .where(among(asked.id, ids))
        .order_by(Asset.id)
        # FOR NO KEY UPDATE in id order: writers of the same assets wait without deadlock, and foreign keys stay usable.
        .with_for_update(of=Asset, key_share=True)
    )
    found: dict[uuid.UUID, Found] = {}
    refused = {object_id: str(Missing("asset", object_id)) for object_id in ids}
    for asked_id, asset_id, title, status, reads, writes in session.execute(query):
        if not reads:
            continue
        if not writes:
            refused[asked_id] = f'you may read the asset "{title}", but not "write" it'
        elif status == AssetStatus.DELETED:
            refused[asked_id] = f'"{title}" is deleted; restore it first'
        else:
            del refused[asked_id]
            found[asset_id] = Found("assets", asset_id, title, False, asset_id, asset_id)
    return found, refused


def write_bulks(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> int:
    """Run those of these jobs that can be claimed and return their number. An unexpected error fails its job and is
    re-raised."""
    claims = transact(sessions, lambda session: claim_jobs(session, TASK, job_ids, timing))
    for claim in claims:
        # Every end of the job below is fenced: a run that lost its lease writes nothing (JobLostError).
        with about_job(claim):
            bulk = BulkWrite(sessions, timing, claim)
            try:
                bulk.run()
            except JobAbortedError:
                bulk.stop()
            except JobLostError as lost:
                log.info("%s", lost)
            except Refusal as refusal:
                bulk.refuse(refusal)
            except Exception as error:
                bulk.fail(error)
                raise
    return len(claims)


@shared_task(name=TASK, bind=True, ignore_result=True)
def set_values_of_many(self: Task, ids: Sequence[str] = ()) -> None:
    """Run the jobs `ids`. A duplicate or late message claims nothing."""
    context: Any = self.app.context
    write_bulks(context.sessions, [uuid.UUID(job_id) for job_id in ids], context.timing)
