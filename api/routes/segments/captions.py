"""Import of caption files of an asset as segments."""

from uuid import UUID

from asgi.body_base import Body
from asgi.request_context import Call, StatusResponse
from asgi.routing import RouteGroup
from services.sidecars.caption_import import create_caption_job
from services.sidecars.refresh_captions import CAPTION_TASK

routes = RouteGroup("assets")


class CaptionImportBody(Body):
    file_id: UUID
    delete_old_transcriptions: bool | None = None


@routes.post("/assets/{asset_id}/segments/captions/", status=202)
def post_captions(call: Call, asset_id: UUID, body: CaptionImportBody) -> StatusResponse:
    """Start a job that imports an SRT or VTT file of the asset as TRANSCRIPTION segments."""
    replaces_all = bool(body.delete_old_transcriptions)
    job = create_caption_job(call.session, asset_id, body.file_id, call.actor, replaces_all=replaces_all)
    call.notify(CAPTION_TASK, [job.id])
    return StatusResponse(202, {"job_id": str(job.id)})
