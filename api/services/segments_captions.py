"""Import of caption files of an asset as segments."""

from uuid import UUID

from api.bodies import Body
from api.call import Answer, Call
from api.routing import Service
from tasks.segments_captions import TASK, request_captions

routes = Service("assets")


class CaptionsBody(Body):
    file_id: UUID
    delete_old_transcriptions: bool | None = None


@routes.post("/assets/{asset_id}/segments/captions/", status=202)
def post_captions(call: Call, asset_id: UUID, body: CaptionsBody) -> Answer:
    """Start a job that imports an SRT or VTT file of the asset as TRANSCRIPTION segments."""
    replaces_all = bool(body.delete_old_transcriptions)
    job = request_captions(call.session, asset_id, body.file_id, call.actor, replaces_all=replaces_all)
    call.ring(TASK, [job.id])
    return Answer(202, {"job_id": str(job.id)})
