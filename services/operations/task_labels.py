"""What Flower shows of a message instead of ids: the titles of its jobs, its folders, or what its task does.

Names may be shown, for Flower is for administrators; values, tokens and passwords are in no title.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog.file import read_folder_paths
from models.catalog.storage import Storage
from models.core.base import parse_id
from models.core.paths import display_path, escape_surrogates
from models.queues.island import ISLAND_QUEUE, Island
from models.queues.job import TRANSCODE_TASK, Job
from models.queues.media_queue import MediaKind
from models.queues.outbox import MAIL_TASK, WEBHOOK_TASK
from services.core.text import pluralize
from services.media.jobs import MEDIA_TASKS

MAX_LABEL_NAMES = 3
MAX_LABEL_CHARACTERS = 300

TASK_LABELS: Mapping[str, str] = {
    "index.audit": "compare the index with the rows",
    "index.drain": "write changed documents to the index",
    "index.look": "check that the index is there",
    "maintenance.sweep": "wake workers for waiting work",
    "maintenance.sample": "count files and waiting work",
    "maintenance.tidy": "purge what expired",
    "media.arrivals": "judge cards and packages that arrived",
    "media.forget": "delete renditions without a source",
    "media.tidy": "delete pictures without a source",
    MAIL_TASK: "send waiting mails",
    MEDIA_TASKS[MediaKind.HEADERS]: "read waiting headers",
    MEDIA_TASKS[MediaKind.PICTURES]: "make waiting posters",
    MEDIA_TASKS[MediaKind.SIDECARS]: "read waiting sidecars",
    TRANSCODE_TASK: "run the transcode that waits longest",
    WEBHOOK_TASK: "deliver waiting webhook events",
}
"""What a message without ids asks for, by task."""


def label_message(session: Session, task: str, ids: Sequence[object]) -> str:
    """Describe a message for people by the rows that it names; rows that are gone are left out."""
    if task == ISLAND_QUEUE.task:
        return label_islands(session, [int(str(one)) for one in ids])
    keys = [key for key in map(parse_id, ids) if key is not None]
    titles = session.scalars(select(Job.title).where(Job.id.in_(keys)).order_by(Job.id)).all() if keys else []
    return _join_names(titles) or TASK_LABELS.get(task, task)


def label_islands(session: Session, ids: Sequence[int]) -> str:
    """Describe islands by their storage and folders: `ingest 2 folders of rushes: day1/A, day1/B`."""
    rows = session.execute(
        select(Storage.name, Island.folder_id)
        .join(Storage, Storage.id == Island.storage_id)
        .where(Island.id.in_(ids))
        .order_by(Island.id)
    ).all()
    paths = read_folder_paths(session, [row.folder_id for row in rows])
    storages = ", ".join(sorted({row.name for row in rows}))
    names = [display_path(paths[row.folder_id]) or "." for row in rows if row.folder_id in paths]
    return _cut(f"ingest {pluralize(len(ids), 'folder')} of {storages}: {_join_names(names)}") if rows else "ingest"


def _join_names(names: Sequence[str]) -> str:
    more = len(names) - MAX_LABEL_NAMES
    shown = ", ".join(escape_surrogates(name) for name in names[:MAX_LABEL_NAMES])
    return _cut(f"{shown} and {more:,} more" if more > 0 else shown)


def _cut(label: str) -> str:
    return label if len(label) <= MAX_LABEL_CHARACTERS else label[: MAX_LABEL_CHARACTERS - 1] + "…"
