"""Requests for renditions (transcoding)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body, Count
from api.call import Call
from api.routing import Service
from api.services.job_bodies import job_body
from tasks.transcode_jobs import TASK, request_transcode
from tasks.transcode_profiles import WEB, find_profile

routes = Service("transcode")


class TranscodeBody(Body):
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB
    priority: Count | None = None


@routes.post("/assets/{asset_id}/formats/{format_id}/")
def post_transcode(call: Call, asset_id: UUID, format_id: UUID, body: TranscodeBody) -> dict[str, Any]:
    """Start a job that makes a rendition of this format; a waiting job for the same rendition is returned instead."""
    find_profile(call.context.transcode_profiles, body.profile)
    job = request_transcode(call.session, asset_id, format_id, body.profile, call.actor)
    if body.priority is not None:
        job.priority = min(body.priority, 10)
        call.session.flush()
    call.ring(TASK, [job.id])
    return job_body(job, [], has_children=False)
