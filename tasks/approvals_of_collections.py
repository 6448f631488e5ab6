"""Approval requests for the contents of a collection, as a job: the assets in it and in its subcollections, in batches.

Only assets that the requester may write are included. A killed job resumes after the last asset of its last batch.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from celery import shared_task
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.acl import Actor, Permission, permitted
from models.asset import Asset, AssetStatus
from models.base import new_id
from models.collection import Collection, CollectionAsset, CollectionStatus
from models.job import Job, JobStatus
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.actors import find_actor
from tasks.approvals import Wanted, request_approvals
from tasks.job_leases import JobClaim, Progress, about_job, claim_jobs, end_job, fail_job, keep_job
from tasks.objects import Found
from tasks.refusals import Denied, Refusal
from tasks.sentences import counted

TASK = "maintenance.approvals"
BATCH = 500
FIRST = uuid.UUID(int=0)


def request_contents(session: Session, found: Found, wanted: Wanted, actor: Actor) -> Job:
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
        task=TASK,
        arguments=arguments,
        object_type=found.object_type,
        object_id=found.id,
        created_by=actor.user_id,
    )
    session.add(job)
    session.flush()
    return job


def wanted_of(arguments: dict[str, Any]) -> Wanted:
    """Restore the approval spec from a job's arguments."""
    return Wanted(
        users=[uuid.UUID(each) for each in arguments["users"]],
        groups=[uuid.UUID(each) for each in arguments["groups"]],
        externals=arguments["externals"],
        min_number=arguments["min_number"],
        share_id=uuid.UUID(arguments["share_id"]) if arguments["share_id"] else None,
    )


@shared_task(name=TASK, bind=True, ignore_result=True)
def ask_for_contents(self: object, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids. A duplicate or late message claims nothing."""
    context = self.app.context
    run_requests(context.sessions, [uuid.UUID(job_id) for job_id in job_ids], context.timing)


def run_requests(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing, batch: int = BATCH) -> int:
    """Run those of these jobs that can be claimed; return their number."""
    claims = transact(sessions, lambda session: claim_jobs(session, TASK, job_ids, timing))
    for claim in claims:
        with about_job(claim):
            try:
                _run(sessions, claim, timing, batch)
            except Refusal as refusal:
                text = str(refusal)
                transact(
                    sessions, lambda session, claim=claim, text=text: end_job(session, claim, JobStatus.FAILED, text)
                )
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                transact(sessions, lambda session, claim=claim, told=told: fail_job(session, claim, told))
                raise
    return len(claims)


def _run(sessions: Sessions, claim: JobClaim, timing: Timing, batch: int) -> None:
    place: Place | None = _first(claim)
    while place is not None:
        place = transact(sessions, lambda session, at=place: _step(session, claim, timing, at, batch))


class Place(NamedTuple):
    """Progress of a job: the number of assets so far, and the last of them."""

    asked: int
    after: uuid.UUID


def _first(claim: JobClaim) -> Place:
    """Return where to resume. A restarted job has a count of zero and starts over."""
    return Place(claim.processed, uuid.UUID(claim.details["after"])) if claim.processed else Place(0, FIRST)


def _step(session: Session, claim: JobClaim, timing: Timing, at: Place, batch: int) -> Place | None:
    """Process one batch; return the new progress, or None if the job has ended."""
    if keep_job(session, claim, timing):
        end_job(session, claim, JobStatus.ABORTED, f"stopped; {counted(at.asked, 'asset')} asked for")
        return None
    requester = session.get_one(Job, claim.id).created_by
    actor = find_actor(session, requester) if requester is not None else None
    if actor is None:
        raise Denied("who asked for this may not sign in any more")
    assets = _next(session, claim, actor, at.after, batch)
    if not assets:
        end_job(session, claim, JobStatus.FINISHED, f"{counted(at.asked, 'asset')} asked for")
        return None
    founds = [Found("assets", each.id, each.title, False, each.id, each.id) for each in assets]
    request_approvals(session, founds, wanted_of(claim.arguments), actor)
    reached = Place(at.asked + len(assets), assets[-1].id)
    total = session.scalar(select(func.count()).select_from(Asset).where(_inside(claim, actor)))
    keep_job(session, claim, timing, Progress(reached.asked, total, details=json.dumps({"after": str(reached.after)})))
    return reached


def _next(session: Session, claim: JobClaim, actor: Actor, after: uuid.UUID, batch: int) -> Sequence[Asset]:
    query = select(Asset).where(_inside(claim, actor), Asset.id > after).order_by(Asset.id).limit(batch)
    # Assets first, in id order, then their approvals: the lock order of all writers of approvals.
    return session.scalars(query.with_for_update(of=Asset, key_share=True)).all()


def _inside(claim: JobClaim, actor: Actor) -> ColumnElement[bool]:
    """Match assets in the collection, at any depth, that the requester may write."""
    held = (
        select(CollectionAsset.asset_id)
        .join(Collection, Collection.id == CollectionAsset.collection_id)
        .where(Collection.path.contains([claim.object_id]), Collection.status == CollectionStatus.ACTIVE)
    )
    may = permitted(actor, "assets", Asset.id, Permission.WRITE)
    return Asset.id.in_(held) & (Asset.status == AssetStatus.ACTIVE) & Asset.merged_into.is_(None) & may
