"""Mirror the folders of a storage that already has assets, as a job, after the setting is turned on."""

import uuid
from collections.abc import Sequence

from celery import Task, shared_task
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.acl import Actor
from models.base import new_id
from models.island import Island
from models.job import Job
from models.storage import Storage
from models.storage_settings import StorageSettings
from tasks.acl_templates import rights_of_ingested
from tasks.batches import Place, work_off
from tasks.collection_mirror import Mirrored, mirror_islands
from tasks.job_leases import JobClaim

TASK = "maintenance.mirror_folders"
BATCH = 200
"""Islands per transaction."""


def request_mirror(session: Session, storage: Storage, actor: Actor | None) -> Job:
    """Create a job that mirrors all folders of a storage."""
    job = Job(
        id=new_id(),
        type="REQUEST_COLLECTION_MAP",
        title=f'Make collections of the folders of storage "{storage.name}"',
        task=TASK,
        object_type="storages",
        object_id=storage.id,
        created_by=actor.user_id if actor else None,
    )
    session.add(job)
    session.flush()
    return job


@shared_task(name=TASK, bind=True, ignore_result=True)
def mirror_folders(self: Task, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids."""
    context = self.app.context
    ids = [uuid.UUID(job_id) for job_id in job_ids]
    work_off(context.sessions, TASK, ids, context.timing, mirror_batch, "islands were mirrored")


def mirror_batch(session: Session, claim: JobClaim, place: Place) -> tuple[int, Place | None]:
    """Mirror the next islands by id; ends if the setting was turned off meanwhile."""
    storage = session.get(Storage, claim.object_id)
    if storage is None or not StorageSettings.model_validate(storage.settings).enable_collection_directory_mapping:
        return 0, None
    after = int(place.get("after", 0))
    due = select(Island.id).where(Island.storage_id == storage.id, Island.id > after).order_by(Island.id).limit(BATCH)
    # FOR UPDATE: a concurrent ingest of the same island waits, so that both see the same assets.
    islands = session.scalars(due.with_for_update()).all()
    if islands:
        mirror_islands(session, mirrored_of(session, storage), islands)
    return len(islands), {"after": islands[-1]} if len(islands) == BATCH else None


def mirrored_of(session: Session, storage: Storage) -> Mirrored:
    """Load a storage as the mirror needs it."""
    settings = StorageSettings.model_validate(storage.settings)
    rights = rights_of_ingested(session, storage.id, storage.owner_id, settings.acl_template_id)
    return Mirrored(storage.id, storage.name, storage.owner_id, tuple(rights))
