"""Backlog: pending work and dead letters of every kind, read from the rows.

A message may be lost or duplicated, and Flower can show a finished task as running if its last event was lost. The
database is authoritative.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.file import read_folder_paths
from models.catalog.storage import Storage
from models.core.base import new_id, parse_id
from models.core.paths import display_path, join_path
from models.core.statements import AnyRow
from models.queues.island import ISLAND_QUEUE, Island
from models.queues.job import JOB_QUEUE, Job, JobStatus
from models.queues.registry import WORK_QUEUES
from services.core.actors import SETUP_ACTOR
from services.core.audit_log import record_audit
from services.core.errors import Conflict, DomainError, require_found
from services.core.id_prefix import MAX_PREFIX_CANDIDATES, find_by_id_prefix, id_range, match_id_prefix
from services.jobs.actions import JobAction, apply_job_action
from services.operations.problems import PROBLEM_KINDS
from services.operations.waiting_work import WaitingWork, list_waiting_work

BACKLOG_SWEEP_TASK = "maintenance.sweep"
"""The task that dispatches what was requeued."""
MAX_BACKLOG_ROWS = 1000
MAX_ISLAND_KEY_DIGITS = 18
"""Digits that always fit into a bigint."""


@dataclass(frozen=True, slots=True)
class BacklogItem:
    """One backlog item; `why` is the reason if it is dead-lettered or failed, else its progress message.

    Pending work of a queue is one item with the state `WAITING`, without a key.
    """

    kind: str
    key: str
    what: str
    state: str
    since: datetime | None
    tries: int = 0
    why: str | None = None
    task: str | None = None
    queue: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    progress: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the item for programs."""
        return asdict(self) | {"since": self.since.isoformat() if self.since else None}


# Both queries return the columns of BacklogItem; only jobs have a progress.
SELECT_BACKLOG_JOBS = text(f"""
    SELECT 'job' AS kind, CAST(id AS text) AS key, title AS what, state,
        coalesce(parked_at, completed_at, started_at, date_created) AS since, attempt AS tries,
        coalesce(error_message, message) AS why, task, queue, object_type, CAST(object_id AS text) AS object_id,
        CASE WHEN progress_total > 0 THEN progress_processed * 100 / progress_total END AS progress
    FROM {JOB_QUEUE.view} AS job
    CROSS JOIN LATERAL (SELECT CASE WHEN parked_at IS NOT NULL THEN 'PARKED' ELSE status END AS state) AS shown
    WHERE state = :status OR CAST(:status AS text) IS NULL AND (completed_at IS NULL OR parked_at IS NOT NULL)
    ORDER BY id DESC LIMIT {MAX_BACKLOG_ROWS}
""")


DEAD_LETTER_SELECTS = [text(queue.dead_letters) for queue in WORK_QUEUES if queue is not JOB_QUEUE]
PROBLEM_SELECTS = [text(kind.listing) for kind in PROBLEM_KINDS]


def list_backlog(session: Session, status: str | None = None) -> list[BacklogItem]:
    """List jobs of a status, or without one all unfinished jobs, pending work in aggregate and problems; and dead
    letters of every kind."""
    found = [_backlog_item(row) for row in session.execute(SELECT_BACKLOG_JOBS, {"status": status})]
    if status is None:
        found += [_waiting_item(work) for work in list_waiting_work(session)]
    selects = (DEAD_LETTER_SELECTS if status in (None, "PARKED") else []) + (PROBLEM_SELECTS if status is None else [])
    most = {"most": MAX_BACKLOG_ROWS}
    found += [_backlog_item(row) for query in selects for row in session.execute(query, most)]
    return _with_folder_paths(session, found)


def _with_folder_paths(session: Session, found: list[BacklogItem]) -> list[BacklogItem]:
    """Name dead-lettered islands by their folders, which people know, instead of their numbers."""
    keys = [int(work.key) for work in found if work.kind == ISLAND_QUEUE.noun]
    if not keys:
        return found
    islands = select(Island.id, Island.folder_id, Storage.root).join(Storage, Storage.id == Island.storage_id)
    rows = session.execute(islands.where(Island.id.in_(keys))).all()
    paths = read_folder_paths(session, [row.folder_id for row in rows])
    names = {
        str(row.id): display_path(join_path(bytes(row.root), paths[row.folder_id]).rstrip(b"/") or b"/") for row in rows
    }
    return [replace(work, what=names.get(work.key, work.what)) for work in found]


def find_job_by_prefix(session: Session, word: str) -> Job:
    """Return a job by its id, by the id of the Celery task that ran it, or by the only beginning of either."""
    return find_by_id_prefix(session, Job, word, "job", lambda job: job.title, (Job.id, Job.message_id))


def island_folder(session: Session, storage: Storage, island: Island) -> str:
    """Return the path of the folder that an island is rooted at, for people."""
    path = read_folder_paths(session, [island.folder_id])[island.folder_id]
    return display_path(join_path(bytes(storage.root), path).rstrip(b"/") or b"/")


def describe_island(session: Session, word: str) -> dict[str, object] | None:
    """Describe the island with a number: its storage, folder and state; None if a word is no number of one."""
    is_number = word.isascii() and word.isdigit() and len(word) <= MAX_ISLAND_KEY_DIGITS
    island = session.get(Island, int(word)) if is_number else None
    if island is None:
        return None
    storage = session.get_one(Storage, island.storage_id)
    state = "PARKED" if island.dead_lettered_at else "WAITING" if island.dirty_since else "DONE"
    return {
        "island": island.id,
        "storage": storage.name,
        "folder": island_folder(session, storage, island),
        "state": state,
        "error": island.error,
        "tries": island.crashes,
        "worker": island.lease_owner,
    }


def find_backlog_key(session: Session, word: str) -> str:
    """Return the key of listed work, or of any job, that a word is, or begins as the only one.

    A word that is no beginning of a key is returned as it is.

    Raises DomainError if several begin so; the text lists them.
    """
    limits = id_range(word)
    if limits is None or parse_id(word) is not None:
        return word
    found = {str(job.id): job.title for job in match_id_prefix(session, Job, word)}
    for work in list_backlog(session):
        if work.key == word:
            return word
        key = parse_id(work.key)
        if key is not None and limits[0] <= key <= limits[1]:
            found[work.key] = f"{work.kind} {work.what}"
    if len(found) > 1:
        named = "; ".join(f"{key} {what}" for key, what in list(found.items())[:MAX_PREFIX_CANDIDATES])
        raise DomainError(f'"{word}": more than one key begins so; give more digits: {named}')
    return next(iter(found), word)


def _waiting_item(work: WaitingWork) -> BacklogItem:
    since = datetime.now(UTC) - timedelta(seconds=work.lag_seconds)
    return BacklogItem(work.kind, "", work.amount, "WAITING", since, why=work.prospect)


def _backlog_item(row: AnyRow) -> BacklogItem:
    what = row.what if isinstance(row.what, bytes) else row.what.encode()
    return BacklogItem(**row._asdict() | {"what": display_path(what)})


def retry_all_dead_letters(session: Session) -> Mapping[str, int]:
    """Requeue all dead letters of every kind; return how many of each."""
    return {queue.plural: queue.requeue(session) for queue in WORK_QUEUES}


def discard_backlog_item(session: Session, key: str, reason: str, actor: Actor) -> str:
    """End a dead letter of any kind or a failed job for good, or accept a file that cannot be read.

    Return its kind. The reason stays in the audit log.
    """
    is_number = key.isascii() and key.isdigit() and len(key) <= MAX_ISLAND_KEY_DIGITS
    for queue in WORK_QUEUES:
        value = parse_id(key) if queue.key_type == "uuid" else int(key) if is_number else None
        if value is not None and queue.discard(session, value, reason):
            record_audit(session, queue.plural, key, f"dead letter was discarded: {reason}", actor)
            return queue.noun
    job = session.get(Job, parse_id(key) or new_id(), with_for_update=True)
    if job is not None and job.status is JobStatus.FAILED:
        job.status, job.date_modified = JobStatus.DISCARDED, func.now()
        record_audit(session, JOB_QUEUE.plural, key, f'failed job "{job.title}" was discarded: {reason}', actor)
        return JOB_QUEUE.noun
    for kind in PROBLEM_KINDS:
        if kind.accept is not None and kind.accept(session, parse_id(key) or new_id(), reason):
            record_audit(session, kind.name, key, f"{kind.one}: accepted: {reason}", actor)
            return kind.noun
    raise Conflict(
        f"no dead letter, failed job or unreadable file has the key {key}; tapeless jobs list shows the keys"
    )


def retry_backlog_item(session: Session, key: str) -> str:
    """Requeue one item by the key that the list shows; return its kind."""
    if key.isascii() and key.isdigit() and len(key) <= MAX_ISLAND_KEY_DIGITS:
        if ISLAND_QUEUE.requeue(session, [int(key)]):
            return ISLAND_QUEUE.noun
        raise Conflict(f"no dead-lettered folder has the key {key}; tapeless jobs list shows the keys")
    key_id = require_found(parse_id(key), "work", f'"{key}"')
    if session.get(Job, key_id) is not None:
        apply_job_action(session, [key_id], JobAction.RESTART, SETUP_ACTOR)
        return JOB_QUEUE.noun
    for queue in WORK_QUEUES:
        if queue.key_type == "uuid" and queue.requeue(session, [key_id]):
            return queue.noun
    for kind in PROBLEM_KINDS:
        if kind.retry is not None and kind.retry(session, key_id):
            return kind.noun
    raise Conflict(f"no dead letter, job or unreadable file has the key {key}; tapeless jobs list shows the keys")
