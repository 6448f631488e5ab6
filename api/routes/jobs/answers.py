"""Responses about jobs, their steps, and the backlog."""

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText, JsonMap
from models.queues.job import JobStatus, StepStatus


class JobStepAnswer(TypedDict):
    """A step of a job that another system runs."""

    id: IdText
    label: str
    status: StepStatus
    message: str | None
    error_message: str | None
    date_updated: DateText


class JobRelatedObjectAnswer(TypedDict):
    """An object that a job concerns besides its own."""

    object_id: IdText
    object_type: str


class JobAnswer(TypedDict):
    """A job with its steps."""

    id: IdText
    title: str
    type: str
    custom_type: str | None
    status: JobStatus
    object_type: str | None
    object_id: IdText | None
    parent_id: IdText | None
    has_children: bool
    priority: int
    progress: int
    progress_processed: int
    progress_total: int
    message: str
    error_message: str | None
    created_by: IdText | None
    metadata: JsonMap
    job_context: JsonMap
    related_objects: list[JobRelatedObjectAnswer]
    steps: list[JobStepAnswer]
    date_created: DateText
    date_modified: DateText
    started_at: DateText | None
    completed_at: DateText | None


class JobPriorityAnswer(TypedDict):
    """Jobs and their new priority."""

    job_ids: list[IdText]
    priority: int


class BacklogItemAnswer(TypedDict):
    """Pending, failed or dead-lettered work of any kind."""

    kind: str
    key: str
    what: str
    state: str
    since: DateText | None
    tries: int
    why: str | None
    task: str | None
    queue: str | None
    object_type: str | None
    object_id: str | None
    progress: int | None


class BacklogRetryAnswer(TypedDict):
    """Numbers of retried items by kind."""

    retried: dict[str, int]


class BacklogDiscardAnswer(TypedDict):
    """Numbers of discarded items by kind."""

    discarded: dict[str, int]


class PathExplanationAnswer(TypedDict):
    """The state of a file: one word for programs, lines for people, and ids where they exist."""

    path: str
    state: str
    lines: list[str]
    asset_id: IdText | None
    format_id: IdText | None
    file_id: IdText | None
    folder: JsonMap | None
