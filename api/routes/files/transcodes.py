"""Requests for renditions (transcoding)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.routes.jobs.bodies import serialize_job_row
from asgi.body_base import Body, Count
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.queues.job_queue import TRANSCODE_TASK
from services.renditions.profiles import WEB_PROFILE, find_transcode_profile
from services.renditions.queue import request_transcode

routes = RouteGroup("transcode")


class TranscodeBody(Body):
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB_PROFILE
    priority: Count | None = None


@routes.post("/assets/{asset_id}/formats/{format_id}/")
def post_transcode(call: Call, asset_id: UUID, format_id: UUID, body: TranscodeBody) -> dict[str, Any]:
    """Start a job that makes a rendition of this format; a waiting job for the same rendition is returned instead."""
    find_transcode_profile(call.context.transcode_profiles, body.profile)
    job = request_transcode(call.session, asset_id, format_id, body.profile, call.actor)
    if body.priority is not None:
        job.priority = min(body.priority, 10)
        call.session.flush()
    call.start_job(job)
    return serialize_job_row(job, [], has_children=False)
