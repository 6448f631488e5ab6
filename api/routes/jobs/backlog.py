"""Backlog of every kind of work: pending and dead-lettered items, retries, and the progress of a file.

The API of the commands `jobs` and `explain`. For administrators only: it shows names and errors of all objects.
"""

from collections import Counter
from dataclasses import asdict
from typing import Annotated, cast
from uuid import UUID

from pydantic import Field

from api.routes.jobs.answers import BacklogDiscardAnswer, BacklogItemAnswer, BacklogRetryAnswer, PathExplanationAnswer
from asgi.answers import ObjectListAnswer
from asgi.body_base import Body
from asgi.request_context import Call, SelfCommittingCall
from asgi.routing import RouteGroup
from models.queues.job import JobStatus
from services.core.errors import ValidationFailed, require_administrator, require_known
from services.operations.backlog import (
    BACKLOG_SWEEP_TASK,
    discard_backlog_item,
    list_backlog,
    retry_all_dead_letters,
    retry_backlog_item,
)
from services.operations.explain import explain_path, parse_asked_path
from services.operations.explain_progress import explain_indexed_document, read_asset_mark

routes = RouteGroup("jobs", is_extension=True)
SEE_WORK_ACTION, RETRY_WORK_ACTION = "see the work of all users", "retry work"
DISCARD_WORK_ACTION = "discard work"
BACKLOG_STATES = ("PARKED", *sorted(JobStatus))
MAX_RETRY_KEYS = 1000
BACKLOG_KIND_PLURALS = {
    "job": "jobs",
    "media": "readings",
    "checksum": "verifications",
    "missing": "files",
    "bits": "files",
    "document": "documents",
    "folder": "folders",
    "reading": "readings",
    "mail": "mails",
    "delivery": "deliveries",
}
"""Plural of each kind of work, for counts."""

BacklogKey = Annotated[str, Field(min_length=1, max_length=40)]


class BacklogRetryBody(Body):
    keys: Annotated[list[BacklogKey], Field(fail_fast=True, max_length=MAX_RETRY_KEYS)] | None = None
    all_parked: bool = False


class BacklogDiscardBody(Body):
    keys: Annotated[list[BacklogKey], Field(fail_fast=True, min_length=1, max_length=MAX_RETRY_KEYS)]
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@routes.get("/work/")
def get_work(call: Call, status: str = "") -> ObjectListAnswer[BacklogItemAnswer]:
    """List unfinished jobs (or jobs of a status) and all dead-lettered work: documents, folders, mails and more."""
    require_administrator(call.actor, SEE_WORK_ACTION)
    if status:
        require_known("status", status, BACKLOG_STATES, "is not a status")
    return {"objects": [cast(BacklogItemAnswer, work.to_json()) for work in list_backlog(call.session, status or None)]}


@routes.post("/work/retry/", status=200, errors=(404,))
def post_work_retry(call: Call, body: BacklogRetryBody) -> BacklogRetryAnswer:
    """Retry the items with these keys, all or none, or all dead-lettered work."""
    require_administrator(call.actor, RETRY_WORK_ACTION)
    if body.all_parked == bool(body.keys):
        raise ValidationFailed("keys", "give the keys to retry, or all_parked")
    if body.all_parked:
        retried = dict(retry_all_dead_letters(call.session))
    else:
        retried = Counter(
            BACKLOG_KIND_PLURALS[retry_backlog_item(call.session, key)] for key in sorted(set(body.keys or ()))
        )
    call.notify(BACKLOG_SWEEP_TASK, [])
    return {"retried": retried}


@routes.post("/work/discard/", status=200)
def post_work_discard(call: Call, body: BacklogDiscardBody) -> BacklogDiscardAnswer:
    """End dead letters and failed jobs with these keys for good, and accept files that cannot be read; all or none,
    with a reason."""
    require_administrator(call.actor, DISCARD_WORK_ACTION)
    kinds = [discard_backlog_item(call.session, key, body.reason, call.actor) for key in sorted(set(body.keys))]
    return {"discarded": Counter(BACKLOG_KIND_PLURALS[kind] for kind in kinds)}


@routes.get("/work/explanation/", own_transactions=True)
def get_work_explanation(call: SelfCommittingCall, path: str) -> PathExplanationAnswer:
    """Explain the state of a file: its folder, asset, index document, media and jobs; or what a folder holds."""
    require_administrator(call.actor, SEE_WORK_ACTION)
    absolute = parse_asked_path(path)
    said = call.transact(lambda session: explain_path(session, absolute))
    if said.asset_id is not None:
        asset_id = UUID(said.asset_id)
        marked = call.transact(lambda session: read_asset_mark(session, asset_id))
        said.lines.append(explain_indexed_document(call.context.engine, marked, asset_id))
    return cast(PathExplanationAnswer, asdict(said))
