"""Mirror the folders of a storage that already has assets, as a job, after the setting is turned on."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.storage import Storage, StorageSettings
from models.queues.island import Island
from models.queues.job import Job
from services.catalog.collections.folder_mirror import mirror_islands
from services.ingest.reader import read_storage_rules
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

MIRROR_FOLDERS_TASK = "maintenance.mirror_folders"
MAX_MIRRORED_ISLANDS = 200
"""Islands per transaction."""


def request_mirror_backfill(session: Session, storage: Storage, actor: Actor | None) -> Job:
    """Create a job that mirrors all folders of a storage."""
    title = f'Make collections of the folders of storage "{storage.name}"'
    about = {"object_type": "storages", "object_id": storage.id}
    return add_job(session, MIRROR_FOLDERS_TASK, "REQUEST_COLLECTION_MAP", title, actor, **about)


def mirror_batch(session: Session, run: JobRun, place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Mirror the next islands by id; ends if the setting was turned off meanwhile."""
    storage = session.get(Storage, run.claim.object_id)
    if storage is None or not StorageSettings.model_validate(storage.settings).enable_collection_directory_mapping:
        return 0, None
    after = int(place.get("after", 0))
    due = (
        select(Island.id)
        .where(Island.storage_id == storage.id, Island.id > after)
        .order_by(Island.id)
        .limit(MAX_MIRRORED_ISLANDS)
    )
    # FOR UPDATE: a concurrent ingest of the same island waits, so that both see the same assets.
    islands = session.scalars(due.with_for_update()).all()
    if islands:
        mirror_islands(session, read_storage_rules(session, storage), islands)
    return len(islands), {"after": islands[-1]} if len(islands) == MAX_MIRRORED_ISLANDS else None


MIRROR_FOLDERS_JOBS = JobKind(MIRROR_FOLDERS_TASK, batches(mirror_batch, "islands were mirrored"))
