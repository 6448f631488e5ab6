"""Approval requests for the contents of a collection, as a job: the assets in it and in its subcollections, in batches.

Only assets that the requester may write are included. A killed job resumes after the last asset of its last batch.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission
from models.catalog.asset import Asset, AssetStatus
from models.catalog.collection import Collection, CollectionAsset, CollectionStatus
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.approvals.requests import ApprovalSpec, request_approvals
from services.core.actors import find_actor
from services.core.errors import DomainError, PermissionDenied
from services.core.text import pluralize
from services.jobs.leases import JobClaim, Progress, claim_jobs, complete_job, fail_job, heartbeat_job, job_context
from services.objects.objects import ObjectRef

COLLECTION_APPROVALS_TASK = "maintenance.approvals"
COLLECTION_APPROVALS_BATCH_SIZE = 500
BEFORE_FIRST_ID = uuid.UUID(int=0)


def create_collection_request_job(session: Session, found: ObjectRef, wanted: ApprovalSpec, actor: Actor) -> Job:
    """Create the job that requests approval for the contents of a collection."""
    values = wanted.values
    arguments = {
        **values,
        "users": [str(each) for each in values["users"]],
        "groups": [str(each) for each in values["groups"]],
        "share_id": str(wanted.share_id) if wanted.share_id else None,
    }
    job = Job(
        id=new_id(),
        type="REQUEST_APPROVAL",
        title=f'Ask for the approval of all in "{found.title}"',
        task=COLLECTION_APPROVALS_TASK,
        arguments=arguments,
        object_type=found.object_type,
        object_id=found.id,
        created_by=actor.user_id,
    )
    session.add(job)
    session.flush()
    return job


def parse_spec_arguments(arguments: dict[str, Any]) -> ApprovalSpec:
    """Restore the approval spec from a job's arguments."""
    return ApprovalSpec(
        users=[uuid.UUID(each) for each in arguments["users"]],
        groups=[uuid.UUID(each) for each in arguments["groups"]],
        externals=arguments["externals"],
        min_number=arguments["min_number"],
        share_id=uuid.UUID(arguments["share_id"]) if arguments["share_id"] else None,
    )


def run_collection_request_jobs(
    sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing, batch: int = COLLECTION_APPROVALS_BATCH_SIZE
) -> int:
    """Run those of these jobs that can be claimed; return their number."""
    claims = transact(sessions, lambda session: claim_jobs(session, COLLECTION_APPROVALS_TASK, job_ids, timing))
    for claim in claims:
        with job_context(claim):
            try:
                _run_job(sessions, claim, timing, batch)
            except DomainError as refusal:
                text = str(refusal)
                transact(sessions, complete_job, claim, JobStatus.FAILED, text)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                transact(sessions, fail_job, claim, told)
                raise
    return len(claims)


def _run_job(sessions: Sessions, claim: JobClaim, timing: Timing, batch: int) -> None:
    place: CollectionRequestProgress | None = _resume_progress(claim)
    while place is not None:
        place = transact(sessions, _request_batch, claim, timing, place, batch)


class CollectionRequestProgress(NamedTuple):
    """Progress of a job: the number of assets so far, and the last of them."""

    asked: int
    after: uuid.UUID


def _resume_progress(claim: JobClaim) -> CollectionRequestProgress:
    """Return where to resume. A restarted job has a count of zero and starts over."""
    return (
        CollectionRequestProgress(claim.processed, uuid.UUID(claim.details["after"]))
        if claim.processed
        else CollectionRequestProgress(0, BEFORE_FIRST_ID)
    )


def _request_batch(
    session: Session, claim: JobClaim, timing: Timing, at: CollectionRequestProgress, batch: int
) -> CollectionRequestProgress | None:
    """Process one batch; return the new progress, or None if the job has ended."""
    if heartbeat_job(session, claim, timing):
        complete_job(session, claim, JobStatus.ABORTED, f"stopped; {pluralize(at.asked, 'asset')} asked for")
        return None
    requester = session.get_one(Job, claim.id).created_by
    actor = find_actor(session, requester) if requester is not None else None
    if actor is None:
        raise PermissionDenied("who asked for this may not sign in any more")
    assets = _lock_next_assets(session, claim, actor, at.after, batch)
    if not assets:
        complete_job(session, claim, JobStatus.FINISHED, f"{pluralize(at.asked, 'asset')} asked for")
        return None
    object_refs = [ObjectRef("assets", each.id, each.title, False, each.id, each.id) for each in assets]
    request_approvals(session, object_refs, parse_spec_arguments(claim.arguments), actor)
    reached = CollectionRequestProgress(at.asked + len(assets), assets[-1].id)
    total = session.scalar(select(func.count()).select_from(Asset).where(_is_requestable(claim, actor)))
    heartbeat_job(
        session, claim, timing, Progress(reached.asked, total, details=json.dumps({"after": str(reached.after)}))
    )
    return reached


def _lock_next_assets(session: Session, claim: JobClaim, actor: Actor, after: uuid.UUID, batch: int) -> Sequence[Asset]:
    query = select(Asset).where(_is_requestable(claim, actor), Asset.id > after).order_by(Asset.id).limit(batch)
    # Assets first, in id order, then their approvals: the lock order of all writers of approvals.
    return session.scalars(query.with_for_update(of=Asset, key_share=True)).all()


def _is_requestable(claim: JobClaim, actor: Actor) -> ColumnElement[bool]:
    """Match assets in the collection, at any depth, that the requester may write."""
    held = (
        select(CollectionAsset.asset_id)
        .join(Collection, Collection.id == CollectionAsset.collection_id)
        .where(Collection.path.contains([claim.object_id]), Collection.status == CollectionStatus.ACTIVE)
    )
    may = has_permission(actor, "assets", Asset.id, Permission.WRITE)
    return Asset.id.in_(held) & (Asset.status == AssetStatus.ACTIVE) & Asset.merged_into.is_(None) & may
