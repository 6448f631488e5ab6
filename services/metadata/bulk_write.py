"""Bulk metadata write: set the same values on many objects as a job. The request is validated before the job exists; an
object that may not be written is reported in the job and does not stop the others.

1. `create_bulk_write_job` validates view and values, and creates the job with its list of objects.
2. The job processes the list in id order, one batch per transaction, with the current rights of its requester.
3. Progress is saved on the job's row in the transaction of each batch, so a killed job resumes after its last batch.
4. It ends with a warning if objects were refused; the first refusals and their reasons are in its `job_context`.
"""

import json
import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.access.acl import Actor, Permission, has_permission
from models.catalog.asset import Asset, AssetStatus
from models.catalog.metadata import MetadataBulkObject
from models.core.statements import copy_rows, in_array
from models.queues.job import Job, JobStatus, Progress
from services.core.errors import DomainError, NotFound, ValidationFailed, require_known
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobEnd, JobKind, JobRun, batches
from services.metadata.change_set import FieldInput, WriteMode, validate_changes
from services.metadata.forms import load_view_form
from services.metadata.values import require_view_write_access, write_objects_values
from services.objects.objects import OBJECT_FINDERS, ObjectRef, get_object_for_update

SET_VALUES_TASK = "maintenance.set_values"
MAX_BULK_OBJECTS = 50_000
BULK_WRITE_BATCH_SIZE = 200
MAX_REPORTED_REFUSALS = 100


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
    require_known("object_type", object_type, OBJECT_FINDERS, "is no kind of object")
    if not 0 < len(ids) <= MAX_BULK_OBJECTS:
        raise ValidationFailed("object_ids", f"between 1 and {MAX_BULK_OBJECTS:,} objects, not {len(ids):,}")
    form = load_view_form(session, view_id)
    require_view_write_access(form, actor)
    changes = validate_changes(form, given)
    values = [{"name": change.rule.name, "values": change.values, "mode": change.mode} for change in changes]
    title = f'Metadata "{form.view.name if form.view else ""}" of {len(ids):,} {object_type}'
    arguments = {"object_type": object_type, "view_id": str(view_id), "values": values}
    job = add_job(session, SET_VALUES_TASK, "METADATA", title, actor, arguments=arguments, progress_total=len(ids))
    copy_rows(session, MetadataBulkObject, ("job_id", "object_id"), ((job.id, object_id) for object_id in ids))
    return job


def write_objects_batch(session: Session, run: JobRun, place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Write the next objects by id. The cursor counts the refused ones; clients read the first reasons in the job's
    `job_context`."""
    query = select(MetadataBulkObject.object_id).where(MetadataBulkObject.job_id == run.claim.id)
    if place:
        query = query.where(MetadataBulkObject.object_id > uuid.UUID(place["after"]))
    ids = session.scalars(query.order_by(MetadataBulkObject.object_id).limit(BULK_WRITE_BATCH_SIZE)).all()
    if not ids:
        return 0, None
    refused = _write_objects(session, run, ids)
    reasons = [{"object_id": str(key), "error": why[:1_000]} for key, why in refused.items()]
    told = [*place.get("reasons", ()), *reasons][:MAX_REPORTED_REFUSALS]
    count = place.get("refused", 0) + len(refused)
    run.save(session, Progress(details=json.dumps({"job_context": {"refused": told, "refused_count": count}})))
    return len(ids), {"after": str(ids[-1]), "refused": count, "reasons": told}


def _write_objects(session: Session, run: JobRun, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Write a batch with requester, form and changes as they are now: rights, views and options may have changed since
    the request. Return the refused objects with their reasons."""
    actor, asked = run.find_requester(session), run.claim.arguments
    form = load_view_form(session, uuid.UUID(asked["view_id"]))
    require_view_write_access(form, actor)
    given = {one["name"]: FieldInput(one["values"], WriteMode(one["mode"])) for one in asked["values"]}
    changes = validate_changes(form, given)
    found, refused = find_writable_objects(session, actor, asked["object_type"], ids)
    outcome = write_objects_values(session, form, found, dict.fromkeys(found, changes), actor, job_id=run.claim.id)
    return refused | outcome.refused


def describe_bulk_write(processed: int, place: BatchCursor) -> JobEnd:
    """Describe the end of a job: with a warning if objects were refused."""
    refused = place.get("refused", 0)
    text = f"{pluralize(processed - refused, 'object')} written{f', {refused:,} refused' if refused else ''}"
    return JobEnd(text, JobStatus.FINISHED_WITH_WARNING if refused else JobStatus.FINISHED)


SET_VALUES_JOBS = JobKind(SET_VALUES_TASK, batches(write_objects_batch, describe=describe_bulk_write))


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
