"""Trigger that creates renditions."""

import uuid
from typing import Annotated

from pydantic import Field

from models.queues.job_queue import TRANSCODE_TASK
from services.renditions.profiles import WEB_PROFILE
from services.renditions.queue import request_transcode
from services.triggers.spec import Trigger, TriggerArguments, TriggerDone, TriggerRun


class TranscodeArguments(TriggerArguments):
    """One asset; without a format, its first original with video or audio."""

    object_id: uuid.UUID
    format_id: uuid.UUID | None = None
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB_PROFILE


def run_transcode_trigger(asked: TriggerRun, given: TranscodeArguments) -> TriggerDone:
    """Create a transcode job, which the media workers run."""
    job = request_transcode(asked.session, given.object_id, given.format_id, given.profile, asked.actor)
    return TriggerDone(
        f"job {job.id} transcodes it", object_type="jobs", object_id=job.id, wake_ups=[(TRANSCODE_TASK, [job.id])]
    )


TRANSCODE_TRIGGER = Trigger(
    "transcode", "TRANSCODE", TranscodeArguments, run_transcode_trigger, lambda given: "Have a rendition made"
)
