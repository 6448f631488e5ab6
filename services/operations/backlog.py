"""Backlog: pending work and dead letters of every kind, read from the rows.

A message may be lost or duplicated, and Flower can show a finished task as running if its last event was lost. The
database is authoritative.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.paths import display_path
from models.core.statements import AnyRow, execute_dml
from models.queues.index_queue import requeue_dead_lettered_marks
from models.queues.job import Job
from models.queues.media_queue import REQUEUE_DEAD_LETTERED_MEDIA, requeue_dead_lettered_media
from services.core.actors import SETUP_ACTOR
from services.core.errors import Conflict, NotFound
from services.jobs.actions import JobAction, apply_job_action
from services.outbound.outboxes import OUTBOXES

MAX_BACKLOG_ROWS = 1000
MAX_ISLAND_KEY_DIGITS = 18
"""Digits that always fit into a bigint."""
MATCHES_STATUS = "(CAST(:status AS text) IS NULL OR {state} = :status)"

# All queries return the same columns, those of BacklogItem; a job has a few more, NULL for the other kinds.
SELECT_BACKLOG_JOBS = f"""
    SELECT 'job' AS kind, CAST(id AS text) AS key, title AS what,
        CASE WHEN parked_at IS NOT NULL THEN 'PARKED' ELSE status END AS state,
        coalesce(parked_at, completed_at, started_at, date_created) AS since, attempt AS tries,
        coalesce(error_message, message) AS why, task, queue, object_type, CAST(object_id AS text) AS object_id,
        CASE WHEN progress_total > 0 THEN progress_processed * 100 / progress_total END AS progress
    FROM job WHERE {MATCHES_STATUS.format(state="CASE WHEN parked_at IS NOT NULL THEN 'PARKED' ELSE status END")}
        AND (CAST(:status AS text) IS NOT NULL OR completed_at IS NULL OR parked_at IS NOT NULL)
    ORDER BY id DESC LIMIT {MAX_BACKLOG_ROWS}
"""
SELECT_DEAD_MARKS = f"""
    SELECT 'document' AS kind, CAST(object_id AS text) AS key, object_type || ' ' || object_id AS what,
        'PARKED' AS state, parked_at AS since, errors AS tries, error AS why, 'index.drain' AS task, 'index' AS queue,
        object_type, CAST(object_id AS text) AS object_id, NULL::bigint AS progress
    FROM index_mark WHERE parked_at IS NOT NULL ORDER BY parked_at LIMIT {MAX_BACKLOG_ROWS}
"""
SELECT_DEAD_ISLANDS = f"""
    SELECT 'folder' AS kind, CAST(island.id AS text) AS key, storage.name || ', island ' || island.id AS what,
        'PARKED' AS state, island.parked_at AS since, island.crashes AS tries, island.error AS why,
        'ingest.island' AS task, 'ingest' AS queue, NULL AS object_type, NULL AS object_id, NULL::bigint AS progress
    FROM island JOIN storage ON storage.id = island.storage_id
    WHERE island.parked_at IS NOT NULL ORDER BY island.parked_at LIMIT {MAX_BACKLOG_ROWS}
"""
SELECT_DEAD_MAILS = f"""
    SELECT 'mail' AS kind, CAST(id AS text) AS key, kind || ' to ' || recipient AS what, 'PARKED' AS state,
        parked_at AS since, attempt AS tries, error AS why, 'maintenance.mail' AS task, 'maintenance' AS queue,
        NULL AS object_type, NULL AS object_id, NULL::bigint AS progress
    FROM mail WHERE parked_at IS NOT NULL ORDER BY parked_at LIMIT {MAX_BACKLOG_ROWS}
"""
SELECT_DEAD_DELIVERIES = f"""
    SELECT 'delivery' AS kind, CAST(delivery.id AS text) AS key,
        delivery.event_type || ' ' || delivery.operation || ' for webhook ' || coalesce(nullif(webhook.name, ''),
            CAST(webhook.id AS text)) AS what,
        'PARKED' AS state, delivery.parked_at AS since, delivery.attempt AS tries, delivery.error AS why,
        'maintenance.webhooks' AS task, 'maintenance' AS queue, delivery.event_type AS object_type,
        CAST(delivery.object_id AS text) AS object_id, NULL::bigint AS progress
    FROM webhook_delivery AS delivery JOIN webhook ON webhook.id = delivery.webhook_id
    WHERE delivery.parked_at IS NOT NULL ORDER BY delivery.parked_at LIMIT {MAX_BACKLOG_ROWS}
"""
SELECT_DEAD_READINGS = f"""
    SELECT 'reading' AS kind, CAST(media_work.file_set_id AS text) AS key,
        lower(media_work.kind) || ' of ' || file_set.name AS what, 'PARKED' AS state, media_work.parked_at AS since,
        media_work.failures AS tries, media_work.error AS why, NULL AS task, 'media' AS queue, 'assets' AS object_type,
        CAST(file_set.asset_id AS text) AS object_id, NULL::bigint AS progress
    FROM media_work JOIN file_set ON file_set.id = media_work.file_set_id
    WHERE media_work.parked_at IS NOT NULL ORDER BY media_work.parked_at LIMIT {MAX_BACKLOG_ROWS}
"""
DEAD_LETTER_TABLES = {
    "jobs": "job",
    "documents": "index_mark",
    "folders": "island",
    "readings": "media_work",
    "mails": "mail",
    "deliveries": "webhook_delivery",
}
"""Tables with dead letters, by the name that operators use."""
DEAD_LETTER_SELECTS = (
    SELECT_DEAD_MARKS,
    SELECT_DEAD_ISLANDS,
    SELECT_DEAD_READINGS,
    SELECT_DEAD_MAILS,
    SELECT_DEAD_DELIVERIES,
)

REQUEUE_DEAD_ISLANDS = text("""
    UPDATE island SET parked_at = NULL, error = NULL, attempt = 0, crashes = 0, handed_until = NULL,
        dirty_since = coalesce(dirty_since, now())
    WHERE parked_at IS NOT NULL AND (CAST(:key AS bigint) IS NULL OR id = :key)
""")
REQUEUE_DEAD_MARK = text("""
    UPDATE index_mark SET parked_at = NULL, errors = 0, error = NULL WHERE parked_at IS NOT NULL AND object_id = :key
""")

REQUEUE_DEAD_READING = text(f"{REQUEUE_DEAD_LETTERED_MEDIA.text} AND file_set_id = :key")
SELECT_DEAD_JOB_IDS = text(f"""
    SELECT id FROM job WHERE parked_at IS NOT NULL AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id LIMIT {MAX_BACKLOG_ROWS}
""")


@dataclass(frozen=True, slots=True)
class BacklogItem:
    """One backlog item; `why` is the reason if it is dead-lettered or failed, else its progress message."""

    kind: str
    key: str
    what: str
    state: str
    since: datetime | None
    tries: int
    why: str | None
    task: str | None
    queue: str | None
    object_type: str | None
    object_id: str | None
    progress: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the item for programs."""
        return asdict(self) | {"since": self.since.isoformat() if self.since else None}


def list_backlog(session: Session, status: str | None = None) -> list[BacklogItem]:
    """List jobs of a status (without one: all unfinished ones), and dead letters of every kind."""
    found = [_backlog_item(row) for row in session.execute(text(SELECT_BACKLOG_JOBS), {"status": status})]
    if status in (None, "PARKED"):
        found += [_backlog_item(row) for query in DEAD_LETTER_SELECTS for row in session.execute(text(query))]
    return found


def _backlog_item(row: AnyRow) -> BacklogItem:
    values = row._asdict()
    values["what"] = display_path(values["what"].encode())
    return BacklogItem(**values)


def get_job_by_key(session: Session, key: uuid.UUID) -> Job:
    """Return a job by its id, which is also the id of the task of a trigger or of a request."""
    job = session.get(Job, key)
    if job is None:
        raise NotFound("job", key)
    return job


def retry_all_dead_letters(session: Session) -> Mapping[str, int]:
    """Requeue all dead letters of every kind; return how many of each."""
    jobs, after = 0, None
    # In pages by id, so that a long list of dead letters is not loaded at once.
    while ids := session.scalars(SELECT_DEAD_JOB_IDS, {"after": after}).all():
        apply_job_action(session, ids, JobAction.RESTART, SETUP_ACTOR)
        jobs, after = jobs + len(ids), ids[-1]
    return {
        "jobs": jobs,
        "documents": requeue_dead_lettered_marks(session),
        "folders": execute_dml(session, REQUEUE_DEAD_ISLANDS, {"key": None}),
        "readings": requeue_dead_lettered_media(session),
        **{name: outbox.retry(session) for name, outbox in OUTBOXES.items()},
    }


def retry_backlog_item(session: Session, key: str) -> str:
    """Requeue one item by the key that the list shows; return its kind."""
    if key.isascii() and key.isdigit() and len(key) <= MAX_ISLAND_KEY_DIGITS:
        if execute_dml(session, REQUEUE_DEAD_ISLANDS, {"key": int(key)}):
            return "folder"
        raise Conflict(f"no dead-lettered folder has the key {key}; tapeless jobs list shows the keys")
    try:
        key_id = uuid.UUID(key)
    except ValueError:
        raise NotFound("work", f'"{key}"') from None
    if session.get(Job, key_id) is not None:
        apply_job_action(session, [key_id], JobAction.RESTART, SETUP_ACTOR)
        return "job"
    others: dict[str, Callable[[], int]] = {
        "document": lambda: execute_dml(session, REQUEUE_DEAD_MARK, {"key": key_id}),
        "reading": lambda: execute_dml(session, REQUEUE_DEAD_READING, {"key": key_id}),
        "mail": lambda: OUTBOXES["mails"].retry(session, [key_id]),
        "delivery": lambda: OUTBOXES["deliveries"].retry(session, [key_id]),
    }
    for kind, retry in others.items():
        if retry():
            return kind
    raise Conflict(f"no dead letter and no job has the key {key}; tapeless jobs list shows the keys")
