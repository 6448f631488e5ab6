"""Trigger that creates renditions."""

import uuid
from typing import Annotated

from pydantic import Field

from tasks.transcode_jobs import TASK, request_transcode
from tasks.transcode_profiles import WEB
from tasks.trigger import Arguments, Asked, Done, Trigger


class TranscodeArguments(Arguments):
    """One asset; without a format, its first original with video or audio."""

    object_id: uuid.UUID
    format_id: uuid.UUID | None = None
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB


def transcode(asked: Asked, given: TranscodeArguments) -> Done:
    """Create a transcode job, which the media workers run."""
    job = request_transcode(asked.session, given.object_id, given.format_id, given.profile, asked.actor)
    return Done(f"job {job.id} transcodes it", object_type="jobs", object_id=job.id, rings=[(TASK, [job.id])])


TRANSCODE = Trigger("transcode", "TRANSCODE", TranscodeArguments, transcode, lambda given: "Have a rendition made")
