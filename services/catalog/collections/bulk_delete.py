"""Delete the many descendants of a deleted collection in a job.

Each deletion excludes one from search by id until it is reindexed, and too many at once would make all searches wait.
"""

import uuid

from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.collection import COLLECTION_KIND
from models.queues.job import Job
from services.catalog.collections.tree import MAX_COLLECTIONS_PER_DELETE, delete_descendants
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

DELETE_COLLECTIONS_TASK = "maintenance.delete_collections"


def request_bulk_delete(session: Session, collection_id: uuid.UUID, left: int, actor: Actor) -> Job:
    """Create a job that deletes the remaining descendants of a deleted collection."""
    about = {"object_type": COLLECTION_KIND, "object_id": collection_id, "progress_total": left}
    title = "Delete the collections inside a deleted one"
    return add_job(session, DELETE_COLLECTIONS_TASK, "DELETE", title, actor, **about)


def delete_collections_batch(session: Session, run: JobRun, _place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Delete the next descendants; what is deleted already needs no cursor."""
    above = run.claim.object_id
    gone = delete_descendants(session, above, MAX_COLLECTIONS_PER_DELETE) if above else 0
    return gone, {} if gone else None


DELETE_COLLECTIONS_JOBS = JobKind(
    DELETE_COLLECTIONS_TASK, batches(delete_collections_batch, "collections were deleted")
)
