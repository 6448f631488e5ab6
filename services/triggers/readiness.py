"""The trigger that asks whether a folder is whole."""

from typing import Annotated, Literal

from pydantic import Field

from media.evidence.verdict import Level
from models.core.paths import display_path, join_path
from services.core.errors import require_administrator
from services.readiness.jobs import READY_TASK, create_ready_job
from services.readiness.ready import ReadyQuestion, parse_frame_range
from services.triggers.spec import Trigger, TriggerArguments, TriggerDone, TriggerRun
from services.triggers.storages import PathArgument, StorageArgumentText, resolve_storage_path


class ReadyArguments(TriggerArguments):
    """A folder or file, as an absolute path or relative to the root of a storage, and what is asked of it."""

    path: PathArgument
    storage: StorageArgumentText | None = None
    level: Literal["complete", "content"] = "content"
    frames: Annotated[str, Field(max_length=40)] = ""
    read: bool = False


def run_ready_trigger(asked: TriggerRun, given: ReadyArguments) -> TriggerDone:
    """Have a job answer; its end, its report and a webhook say the answer."""
    require_administrator(asked.actor, "see whether a folder is whole")
    if given.frames:
        parse_frame_range(given.frames)
    storage, path = resolve_storage_path(asked.session, asked.actor, given.storage, given.path)
    whole = join_path(storage.place, path) if path else storage.place
    question = ReadyQuestion(whole, Level(given.level), given.frames, reads=given.read)
    job = create_ready_job(asked.session, question, asked.actor)
    said = f'job {job.id} finds out whether "{display_path(path) or "."}" is whole'
    return TriggerDone(said, wake_ups=[(READY_TASK, [job.id])])


READY_TRIGGER = Trigger(
    "ready", "ANALYZE", ReadyArguments, run_ready_trigger, lambda given: f"Find out whether {given.path} is whole"
)
