"""Delete the many descendants of a deleted collection in a job.

Each deletion excludes one from search by id until it is reindexed, and too many at once would make all searches wait.
"""

import uuid
from collections.abc import Sequence

from celery import Task, shared_task
from sqlalchemy.orm import Session

from models.acl import Actor
from models.base import new_id
from models.job import Job
from tasks.batches import Place, work_off
from tasks.collection_tree import MOST_AT_ONCE, delete_below
from tasks.collections import KIND
from tasks.job_leases import JobClaim

TASK = "maintenance.delete_collections"


def request_deletion(session: Session, collection_id: uuid.UUID, left: int, actor: Actor) -> Job:
    """Create a job that deletes the remaining descendants of a deleted collection."""
    job = Job(
        id=new_id(),
        type="DELETE",
        title="Delete the collections inside a deleted one",
        task=TASK,
        object_type=KIND,
        object_id=collection_id,
        created_by=actor.user_id,
        progress_total=left,
    )
    session.add(job)
    session.flush()
    return job


@shared_task(name=TASK, bind=True, ignore_result=True)
def delete_collections(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids."""
    context = self.app.context
    ids = [uuid.UUID(job_id) for job_id in job_ids]
    work_off(context.sessions, TASK, ids, context.timing, delete_batch, "collections were deleted")


def delete_batch(session: Session, claim: JobClaim, _place: Place) -> tuple[int, Place | None]:
    """Delete the next descendants; what is deleted already needs no cursor."""
    gone = delete_below(session, claim.object_id, MOST_AT_ONCE) if claim.object_id else 0
    return gone, {} if gone else None
