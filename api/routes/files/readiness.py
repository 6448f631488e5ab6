"""Whether a folder is whole, in three answers, and the reports that were signed off. For administrators only: a report
names files of all assets.

Files are not read for it: a second copy and sums that are still missing are read by `tapeless ready`.
"""

import os
from typing import Annotated, cast
from uuid import UUID

from pydantic import Field

from api.routes.files.answers import ReadinessReportAnswer, SignedReportAnswer
from asgi.answers import ObjectListAnswer
from asgi.body_base import Body
from asgi.request_context import Call, SelfCommittingCall
from asgi.routing import RouteGroup
from media.evidence.verdict import Level
from models.catalog.evidence import ReadinessReport
from services.core.errors import ValidationFailed, require_administrator, require_known
from services.readiness.ready import ReadyAnswer, ReadyQuestion, ask_ready, resolve_asked_path
from services.readiness.report import build_ready_report
from services.readiness.sign_off import list_readiness_reports, sign_off_report

routes = RouteGroup("files", is_extension=True)
SEE_READINESS_ACTION, SIGN_READINESS_ACTION = "see whether a folder is whole", "sign off a report"


class SignOffBody(Body):
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    level: Annotated[str, Field(max_length=20)] = Level.CONTENT.value
    frames: Annotated[str, Field(max_length=40)] = ""


def _ask(call: SelfCommittingCall, path: str, level: str, frames: str) -> tuple[ReadyAnswer, ReadinessReportAnswer]:
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValidationFailed("path", "give the whole path of a file or folder, from the root on")
    require_known("level", level, [one.value for one in Level], "is not a level")
    question = ReadyQuestion(resolve_asked_path(os.fsencode(path)), Level(level), frames)
    answer = ask_ready(call.context.sessions, question)
    return answer, cast(ReadinessReportAnswer, build_ready_report(answer, call.actor.name))


@routes.get("/ready/", own_transactions=True)
def get_ready(
    call: SelfCommittingCall, path: str, level: str = Level.CONTENT.value, frames: str = ""
) -> ReadinessReportAnswer:
    """Answer whether a folder or file is whole: proven, refuted, or not provable, with the reasons."""
    require_administrator(call.actor, SEE_READINESS_ACTION)
    return _ask(call, path, level, frames)[1]


@routes.post("/ready/", own_transactions=True)
def post_ready(call: SelfCommittingCall, body: SignOffBody) -> ReadinessReportAnswer:
    """Sign off the answer as it is now: keep the report, and write it to the history of its assets."""
    require_administrator(call.actor, SIGN_READINESS_ACTION)
    answer, report = _ask(call, body.path, body.level, body.frames)
    kept = call.transact(lambda session: sign_off_report(session, answer, report, call.actor).id)
    return {**report, "id": str(kept)}


@routes.get("/ready/reports/", never_gives=(404,))
def get_ready_reports(call: Call, storage_id: UUID | None = None) -> ObjectListAnswer[SignedReportAnswer]:
    """List the newest reports that were signed off."""
    require_administrator(call.actor, SEE_READINESS_ACTION)
    return {"objects": [_serialize_report(one) for one in list_readiness_reports(call.session, storage_id)]}


def _serialize_report(one: ReadinessReport) -> SignedReportAnswer:
    return {
        "id": str(one.id),
        "date_created": one.date_created.isoformat(),
        "storage_id": str(one.storage_id),
        "path": one.path,
        "answer": one.answer,
        "level": one.level,
        "actor": one.actor,
        "report": one.report,
    }
