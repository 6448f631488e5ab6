"""Triggers over HTTP: the same names and arguments as by message, with the rights of the caller."""

import json
from typing import Any
from uuid import UUID

from api.bodies import refuse_unstorable
from api.call import Answer, Call
from api.routing import Service
from api.services.jobs import one
from tasks.jobs import find_job
from tasks.refusals import Invalid, Missing
from tasks.trigger_operations import TRIGGERS
from tasks.triggers import TASK, parse, record

routes = Service("trigger")


@routes.post("/{name}/", other=200)
def post_trigger(call: Call, name: str, body: dict[str, Any]) -> Answer:
    """Request an operation and return its job (200 if a request with this `id` exists already)."""
    trigger = TRIGGERS.get(name)
    if trigger is None:
        raise Missing("trigger", f'"{name[:80]}"; known are {", ".join(TRIGGERS)};')
    try:
        refuse_unstorable(body)
    except ValueError as error:
        raise Invalid("arguments", str(error)) from None
    given = dict(body)
    job_id = _id(given.pop("id", None))
    parse(trigger, given)
    recorded = record(call.session, trigger, given, job_id, call.actor)
    if recorded.is_new:
        call.ring(TASK, [recorded.job_id])
    return Answer(201 if recorded.is_new else 200, one(call, find_job(call.session, call.actor, recorded.job_id)))


def _id(given: Any) -> UUID | None:
    if given is None:
        return None
    try:
        return UUID(given)
    except (ValueError, AttributeError, TypeError):
        raise Invalid("id", f"{json.dumps(given)[:80]} is no UUID") from None
