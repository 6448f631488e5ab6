"""Approval requests for the contents of a collection, as a job: the assets in it and in its subcollections, in batches.

Only assets that the requester may write are included. A killed job resumes after the last asset of its last batch.
"""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission
from models.catalog.asset import Asset, AssetStatus
from models.catalog.collection import Collection, CollectionAsset, CollectionStatus
from models.queues.job import Job
from services.approvals.requests import ApprovalSpec, request_approvals
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobEnd, JobKind, JobRun, batches
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
    about = {
        "object_type": found.object_type,
        "object_id": found.id,
        "progress_total": session.scalar(
            select(func.count()).select_from(Asset).where(_is_requestable(found.id, actor))
        ),
    }
    title = f'Request approval of all assets in "{found.title}"'
    return add_job(session, COLLECTION_APPROVALS_TASK, "REQUEST_APPROVAL", title, actor, arguments=arguments, **about)


def parse_spec_arguments(arguments: dict[str, Any]) -> ApprovalSpec:
    """Restore the approval spec from a job's arguments."""
    return ApprovalSpec(
        users=[uuid.UUID(each) for each in arguments["users"]],
        groups=[uuid.UUID(each) for each in arguments["groups"]],
        externals=arguments["externals"],
        min_number=arguments["min_number"],
        share_id=uuid.UUID(arguments["share_id"]) if arguments["share_id"] else None,
    )


def request_approvals_batch(session: Session, run: JobRun, place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Request the approval of the next assets by id, with the requester's present rights."""
    actor = run.find_requester(session)
    after = uuid.UUID(place["after"]) if place else BEFORE_FIRST_ID
    due = select(Asset).where(_is_requestable(run.claim.object_id, actor), Asset.id > after).order_by(Asset.id)
    # Assets first, in id order, then their approvals: the lock order of all writers of approvals.
    batch = due.limit(COLLECTION_APPROVALS_BATCH_SIZE).with_for_update(of=Asset, key_share=True)
    assets = session.scalars(batch).all()
    if not assets:
        return 0, None
    object_refs = [ObjectRef("assets", each.id, each.title, False, each.id, each.id) for each in assets]
    request_approvals(session, object_refs, parse_spec_arguments(run.claim.arguments), actor)
    return len(assets), {"after": str(assets[-1].id)}


def _is_requestable(collection_id: uuid.UUID | None, actor: Actor) -> ColumnElement[bool]:
    """Match assets in the collection, at any depth, that the requester may write."""
    held = (
        select(CollectionAsset.asset_id)
        .join(Collection, Collection.id == CollectionAsset.collection_id)
        .where(Collection.path.contains([collection_id]), Collection.status == CollectionStatus.ACTIVE)
    )
    may = has_permission(actor, "assets", Asset.id, Permission.WRITE)
    return Asset.id.in_(held) & (Asset.status == AssetStatus.ACTIVE) & Asset.merged_into.is_(None) & may


COLLECTION_APPROVALS_JOBS = JobKind(
    COLLECTION_APPROVALS_TASK,
    batches(request_approvals_batch, describe=lambda done, _: JobEnd(f"{pluralize(done, 'asset')} asked for")),
)
