"""Backlog of every kind of work: pending and dead-lettered items, retries, and the progress of a file.

The API of the commands `jobs` and `explain`. For administrators only: it shows names and errors of all objects.
"""

import os
from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body
from api.call import Call, OpenCall
from api.routing import Service
from models.job import JobStatus
from tasks.explain import explain
from tasks.outstanding import list_work, retry_all_parked, retry_one
from tasks.refusals import Invalid
from tasks.users import require_administrator
from tasks.way_on import engine_line, read_mark

routes = Service("jobs")
SEE, RETRY = "see the work of all", "have work tried again"
SWEEP = "maintenance.sweep"
STATES = ("PARKED", *sorted(JobStatus))
MOST_KEYS = 1000
MANY = {
    "job": "jobs",
    "document": "documents",
    "folder": "folders",
    "reading": "readings",
    "mail": "mails",
    "delivery": "deliveries",
}
"""Plural of each kind of work, for counts."""

Key = Annotated[str, Field(min_length=1, max_length=40)]


class RetryBody(Body):
    keys: Annotated[list[Key], Field(max_length=MOST_KEYS)] | None = None
    all_parked: bool = False


@routes.get("/work/")
def get_work(call: Call, status: str = "") -> dict[str, Any]:
    """List unfinished jobs (or jobs of a status) and all dead-lettered work: documents, folders, mails and more."""
    require_administrator(call.actor, SEE)
    if status and status not in STATES:
        raise Invalid("status", f'"{status[:80]}" is none of {", ".join(STATES)}')
    return {"objects": [work.to_json() for work in list_work(call.session, status or None)]}


@routes.post("/work/retry/", status=200)
def post_work_retry(call: Call, body: RetryBody) -> dict[str, Any]:
    """Retry the items with these keys, all or none, or all dead-lettered work."""
    require_administrator(call.actor, RETRY)
    if body.all_parked == bool(body.keys):
        raise Invalid("keys", "name the keys of what to retry, or say all_parked")
    if body.all_parked:
        retried = dict(retry_all_parked(call.session))
    else:
        retried = Counter(MANY[retry_one(call.session, key)] for key in sorted(set(body.keys or ())))
    call.ring(SWEEP, [])
    return {"retried": retried}


@routes.get("/work/explanation/", own_transactions=True)
def get_work_explanation(call: OpenCall, path: str) -> dict[str, Any]:
    """Explain the state of a file: its folder, asset, index document, media and jobs."""
    require_administrator(call.actor, SEE)
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise Invalid("path", "give the whole path of a file, from the root on")
    asked = os.fsencode(path)
    # Resolve the folder but not the name: a symbolic link is a file of its own here.
    absolute = os.path.join(os.path.realpath(os.path.dirname(asked)), os.path.basename(asked))
    said = call.transact(lambda session: explain(session, absolute))
    if said.asset_id is not None:
        asset_id = UUID(said.asset_id)
        marked = call.transact(lambda session: read_mark(session, asset_id))
        said.lines.append(engine_line(call.context.engine, marked, asset_id))
    return {
        "path": said.path,
        "state": said.state,
        "lines": said.lines,
        "asset_id": said.asset_id,
        "format_id": said.format_id,
        "file_id": said.file_id,
    }
