"""Triggers over HTTP: the same names and arguments as by message, with the rights of the caller."""

import json
from typing import Any
from uuid import UUID

from api.routes.jobs.answers import JobAnswer
from api.routes.jobs.jobs import serialize_job
from asgi.answers import StatusResponse
from asgi.body_base import JsonObject, reject_unstorable
from asgi.request_context import Call
from asgi.routing import RouteGroup
from services.core.errors import NotFound, ValidationFailed
from services.jobs.jobs import find_job
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.runner import TRIGGER_TASK, parse_trigger_arguments, record_trigger

routes = RouteGroup("trigger", is_extension=True)


@routes.post("/{name}/", other=200)
def post_trigger(call: Call, name: str, body: JsonObject) -> StatusResponse[JobAnswer]:
    """Request an operation and return its job (200 if a request with this `id` exists already)."""
    trigger = TRIGGER_REGISTRY.get(name)
    if trigger is None:
        raise NotFound("trigger", f'"{name[:80]}" (known are {", ".join(TRIGGER_REGISTRY)})')
    try:
        reject_unstorable(body)
    except ValueError as error:
        raise ValidationFailed("arguments", str(error)) from None
    given = dict(body)
    job_id = _parse_trigger_job_id(given.pop("id", None))
    parse_trigger_arguments(trigger, given)
    recorded = record_trigger(call.session, trigger, given, job_id, call.actor)
    if recorded.is_new:
        call.notify(TRIGGER_TASK, [recorded.job_id])
    return StatusResponse(
        201 if recorded.is_new else 200, serialize_job(call, find_job(call.session, call.actor, recorded.job_id))
    )


def _parse_trigger_job_id(given: Any) -> UUID | None:
    if given is None:
        return None
    try:
        return UUID(given)
    except (ValueError, AttributeError, TypeError):
        raise ValidationFailed("id", f"{json.dumps(given)[:80]} is not a UUID") from None
