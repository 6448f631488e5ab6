"""Delete the many descendants of a deleted collection in a job.

Each deletion excludes one from search by id until it is reindexed, and too many at once would make all searches wait.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.collection import COLLECTION_KIND
from models.core.base import new_id
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.job import Job
from services.catalog.collections.tree import MAX_COLLECTIONS_PER_DELETE, delete_descendants
from services.jobs.batch_runner import BatchCursor, run_batch_job
from services.jobs.leases import JobClaim

DELETE_COLLECTIONS_TASK = "maintenance.delete_collections"


def request_bulk_delete(session: Session, collection_id: uuid.UUID, left: int, actor: Actor) -> Job:
    """Create a job that deletes the remaining descendants of a deleted collection."""
    job = Job(
        id=new_id(),
        type="DELETE",
        title="Delete the collections inside a deleted one",
        task=DELETE_COLLECTIONS_TASK,
        object_type=COLLECTION_KIND,
        object_id=collection_id,
        created_by=actor.user_id,
        progress_total=left,
    )
    session.add(job)
    session.flush()
    return job


def delete_collections_batch(session: Session, claim: JobClaim, _place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Delete the next descendants; what is deleted already needs no cursor."""
    gone = delete_descendants(session, claim.object_id, MAX_COLLECTIONS_PER_DELETE) if claim.object_id else 0
    return gone, {} if gone else None


def run_collection_deletions(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> None:
    """Run these jobs: delete the collections below one, batch by batch."""
    run_batch_job(
        sessions, DELETE_COLLECTIONS_TASK, job_ids, timing, delete_collections_batch, "collections were deleted"
    )
