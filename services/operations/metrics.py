"""State of the whole system as metrics over time, for monitoring and alerts.

`services.operations.status` answers one operator; metrics are scraped every few seconds, so each is one statement.
Files and assets are counted by a scan of their rows: the caller caches the result for a while.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.storage import StorageSettings
from models.queues.media_queue import MediaKind
from models.queues.registry import ISLAND_QUEUE, JOB_QUEUE, MARK_QUEUE, MEDIA_QUEUE, OUTBOXES, WORK_QUEUES
from services.indexing.requests import SELECT_INDEX_DRIFT
from services.operations.problems import PROBLEM_KINDS

MetricLabels = tuple[str, ...]
MetricSample = tuple[MetricLabels, float]


@dataclass(frozen=True, slots=True)
class RowMetric:
    """A metric: one number, or one for each combination of labels. `is_counter` distinguishes a counter from a
    gauge."""

    name: str
    help: str
    labels: MetricLabels
    sql: str
    """Returns a column for each label, then the number."""
    is_counter: bool = False
    replaced_by: str | None = None
    """Name of the metric to use instead, if this one is deprecated."""


MEDIA_KINDS_SQL = f"unnest(ARRAY{[str(kind) for kind in MediaKind]}) AS kinds (kind)"
"""All kinds, so that a kind without pending work is reported as zero."""


PARKED_IS_DEPRECATED = 'The state "parked" is deprecated, use tapeless_dead_letters.'
SCAN_INTERVAL = (
    f"coalesce(CAST(settings ->> 'scan_interval_seconds' AS float), {StorageSettings().scan_interval_seconds})"
)
ACTIVE_STORAGES = "storage WHERE status <> 'INACTIVE' AND removed_at IS NULL"
IS_WATCHED = "status <> 'INACTIVE' AND removed_at IS NULL AND coalesce(settings ->> 'scan', 'true') <> 'false'"
IS_LED = "status <> 'INACTIVE' AND removed_at IS NULL AND purpose = 'FILES'"


def _union(samples: Iterable[str]) -> str:
    """Join the samples of several labels: `'label', number`."""
    return " UNION ALL ".join(f"SELECT {sample}" for sample in samples)


ROW_METRICS = (
    RowMetric(
        "dead_letters",
        "Work that failed its maximum number of attempts and needs a person, by kind.",
        ("kind",),
        _union(f"'{queue.plural}', {queue.dead_count}" for queue in WORK_QUEUES),
    ),
    *(RowMetric(kind.name, kind.help, (), f"SELECT {kind.count}") for kind in PROBLEM_KINDS),
    RowMetric("files", "Files of all storages by state.", ("state",), "SELECT status, count(*) FROM file GROUP BY 1"),
    RowMetric("assets", "Assets by status.", ("status",), "SELECT status, count(*) FROM asset GROUP BY 1"),
    RowMetric(
        "islands",
        f"Islands that are due to be grouped, or wait for a host of a caption or sidecar. {PARKED_IS_DEPRECATED}",
        ("state",),
        _union(
            [
                f"'due', {ISLAND_QUEUE.pending_count}",
                f"'waiting', (SELECT count(*) FROM {ISLAND_QUEUE.view} AS island WHERE wait_until IS NOT NULL)",
                f"'parked', {ISLAND_QUEUE.dead_count}",
            ]
        ),
    ),
    RowMetric(
        "island_oldest_pending_timestamp_seconds",
        "Time of the oldest change that is not grouped yet; absent without one.",
        (),
        f"SELECT {ISLAND_QUEUE.oldest}",
    ),
    RowMetric(
        "index_queue_documents",
        "Documents waiting to be written to the search engine.",
        (),
        f"SELECT {MARK_QUEUE.pending_count}",
    ),
    RowMetric(
        "index_oldest_pending_timestamp_seconds",
        "Time of the oldest change that is not in the search engine yet; absent without one.",
        (),
        f"SELECT {MARK_QUEUE.oldest}",
    ),
    RowMetric(
        "jobs",
        f"Unfinished jobs by queue and state. {PARKED_IS_DEPRECATED}",
        ("queue", "state"),
        f"""SELECT queue, CASE WHEN parked_at IS NOT NULL THEN 'parked' ELSE lower(status) END, count(*)
        FROM {JOB_QUEUE.view} AS job
        WHERE task IS NOT NULL AND (status IN ('READY', 'STARTED', 'PAUSED') OR parked_at IS NOT NULL) GROUP BY 1, 2""",
    ),
    RowMetric(
        "job_oldest_ready_timestamp_seconds",
        "Time of the oldest job of a queue that is ready but not started; absent without one.",
        ("queue",),
        f"""SELECT queue, extract(epoch FROM min({JOB_QUEUE.pending_since})) FROM {JOB_QUEUE.view} AS job
        WHERE {JOB_QUEUE.is_pending} AND status = 'READY' AND not_before <= now() GROUP BY 1""",
    ),
    RowMetric(
        "outbox",
        f"Mails and webhook deliveries waiting to be sent. {PARKED_IS_DEPRECATED}",
        ("outbox", "state"),
        _union(
            f"'{box.plural}', '{state}', {count}"
            for box in OUTBOXES
            for state, count in (("waiting", box.pending_count), ("parked", box.dead_count))
        ),
    ),
    RowMetric(
        "outbox_oldest_pending_timestamp_seconds",
        "Time of the oldest mail or webhook delivery waiting to be sent; absent without one.",
        ("outbox",),
        _union(f"'{box.plural}', {box.oldest}" for box in OUTBOXES),
    ),
    RowMetric(
        "media_work",
        f"File sets waiting for a media probe or for previews. {PARKED_IS_DEPRECATED}",
        ("kind", "state"),
        f"""SELECT lower(kinds.kind), state, count(work.kind)
        FROM {MEDIA_KINDS_SQL} CROSS JOIN (VALUES ('waiting'), ('parked')) AS states (state)
        LEFT JOIN {MEDIA_QUEUE.view} AS work
            ON work.kind = kinds.kind AND (work.parked_at IS NOT NULL) = (state = 'parked')
        GROUP BY 1, 2""",
    ),
    RowMetric(
        "media_oldest_pending_timestamp_seconds",
        "Time of the oldest waiting media probe or preview; absent without one.",
        ("kind",),
        f"""SELECT lower(kind), extract(epoch FROM min({MEDIA_QUEUE.pending_since}))
        FROM {MEDIA_QUEUE.view} AS work WHERE {MEDIA_QUEUE.is_pending} GROUP BY 1""",
    ),
    RowMetric(
        "index_drift",
        "Documents that differed from their rows at the last index audit, and were written again.",
        (),
        SELECT_INDEX_DRIFT,
    ),
    RowMetric(
        "storage_up",
        "1 while the root of a storage exists and is readable.",
        ("storage",),
        f"SELECT name, CAST(status = 'ACTIVE' AS int) FROM {ACTIVE_STORAGES}",
    ),
    RowMetric(
        "storage_frozen",
        "1 while deletions of a storage wait for confirmation, because too many files vanished at once.",
        ("storage",),
        f"SELECT name, CAST(frozen_reason IS NOT NULL AS int) FROM {ACTIVE_STORAGES}",
    ),
    RowMetric(
        "scan_duration_seconds",
        "Duration of the last full scan of a storage, in seconds.",
        ("storage",),
        f"SELECT name, scan_seconds FROM {ACTIVE_STORAGES}",
    ),
    RowMetric(
        "scan_entries",
        "Files and folders of the last full scan of a storage.",
        ("storage",),
        f"SELECT name, scan_expected FROM {ACTIVE_STORAGES}",
    ),
    RowMetric(
        "scan_last_end_timestamp_seconds",
        "Unix time at which the last full scan of a storage ended.",
        ("storage",),
        """SELECT name, extract(epoch FROM last_scanned) FROM storage
        WHERE status <> 'INACTIVE' AND removed_at IS NULL AND last_scanned IS NOT NULL""",
    ),
    RowMetric(
        "scan_interval_seconds",
        "Configured pause between full scans; only of storages that are watched.",
        ("storage",),
        f"SELECT name, {SCAN_INTERVAL} FROM storage WHERE {IS_WATCHED}",
    ),
    RowMetric(
        "watcher_last_seen_timestamp_seconds",
        "Unix time at which the watcher of a storage was last seen; before the first, at which the storage was added.",
        ("storage",),
        f"SELECT name, extract(epoch FROM coalesce(watcher_seen_at, date_created)) FROM storage WHERE {IS_LED}",
    ),
    RowMetric(
        "watcher_failing",
        "1 while the watcher of a storage ended with an error and has not caught up since.",
        ("storage",),
        f"SELECT name, CAST(watcher_error IS NOT NULL AS int) FROM {ACTIVE_STORAGES}",
    ),
    RowMetric(
        "watcher_restarts",
        "How often the watcher of a storage ended with an error and started again.",
        ("storage",),
        f"SELECT name, watcher_restarts FROM {ACTIVE_STORAGES}",
        is_counter=True,
    ),
    RowMetric(
        "unreadable_paths",
        "Files and folders of a storage that cannot be read or recorded; each has its reason.",
        ("storage",),
        """SELECT storage.name, coalesce(sum(paths), 0) FROM storage LEFT JOIN (
            SELECT storage_id, count(*) AS paths FROM file JOIN folder ON folder.id = file.folder_id
            WHERE file.error IS NOT NULL GROUP BY 1
            UNION ALL SELECT storage_id, count(*) FROM folder WHERE error IS NOT NULL GROUP BY 1
        ) AS unreadable ON unreadable.storage_id = storage.id WHERE storage.status <> 'INACTIVE'
            AND removed_at IS NULL GROUP BY 1""",
    ),
    RowMetric(
        "unsettled_files",
        "Files of a storage that are not stable yet.",
        ("storage",),
        f"SELECT name, unsettled FROM {ACTIVE_STORAGES}",
    ),
    RowMetric(
        "events_lost",
        "How often file system events of a storage were lost; a full scan followed each time.",
        ("storage",),
        f"SELECT name, events_lost FROM {ACTIVE_STORAGES}",
        is_counter=True,
    ),
)
DEPRECATED_ROW_METRICS = (
    RowMetric(
        "island_lag_seconds",
        "Age of the oldest change that is not grouped yet, in seconds.",
        (),
        f"SELECT {ISLAND_QUEUE.lag}",
        replaced_by="island_oldest_pending_timestamp_seconds",
    ),
    RowMetric(
        "index_lag_seconds",
        "Age of the oldest change that is not in the search engine yet, in seconds.",
        (),
        f"SELECT {MARK_QUEUE.lag}",
        replaced_by="index_oldest_pending_timestamp_seconds",
    ),
    RowMetric(
        "job_lag_seconds",
        "Age of the oldest job of a queue that is ready but not started, in seconds.",
        ("queue",),
        f"""SELECT queue, extract(epoch FROM now() - min({JOB_QUEUE.pending_since})) FROM {JOB_QUEUE.view} AS job
        WHERE {JOB_QUEUE.is_pending} AND status = 'READY' AND not_before <= now() GROUP BY 1""",
        replaced_by="job_oldest_ready_timestamp_seconds",
    ),
    RowMetric(
        "outbox_lag_seconds",
        "Age of the oldest mail or webhook delivery waiting to be sent, in seconds.",
        ("outbox",),
        _union(f"'{box.plural}', {box.lag}" for box in OUTBOXES),
        replaced_by="outbox_oldest_pending_timestamp_seconds",
    ),
    RowMetric(
        "media_lag_seconds",
        "Age of the oldest waiting media probe or preview, in seconds.",
        ("kind",),
        f"""SELECT lower(kinds.kind), coalesce(extract(epoch FROM now() - min({MEDIA_QUEUE.pending_since})), 0)
        FROM {MEDIA_KINDS_SQL} LEFT JOIN {MEDIA_QUEUE.view} AS work
            ON work.kind = kinds.kind AND {MEDIA_QUEUE.is_pending}
        GROUP BY 1""",
        replaced_by="media_oldest_pending_timestamp_seconds",
    ),
    RowMetric(
        "scan_seconds",
        "Duration of the last full scan of a storage, in seconds.",
        ("storage",),
        f"SELECT name, scan_seconds FROM {ACTIVE_STORAGES}",
        replaced_by="scan_duration_seconds",
    ),
    RowMetric(
        "index_marks",
        "Documents due to be written to the search engine, or dead-lettered.",
        ("state",),
        _union([f"'due', {MARK_QUEUE.pending_count}", f"'parked', {MARK_QUEUE.dead_count}"]),
        replaced_by="index_queue_documents",
    ),
    RowMetric(
        "scan_age_seconds",
        "Time by which the next full scan of a storage is overdue.",
        ("storage",),
        f"""SELECT name, greatest(0, extract(epoch FROM now() - last_scanned) - {SCAN_INTERVAL}) FROM storage
        WHERE {IS_WATCHED} AND last_scanned IS NOT NULL""",
        replaced_by="scan_last_end_timestamp_seconds",
    ),
)
"""Old names, exported beside the new ones until they are removed (`workers.config.deprecations`)."""


def read_row_metrics(session: Session) -> Iterator[tuple[RowMetric, list[MetricSample]]]:
    """Read every metric that is computed from rows, with its samples."""
    for metric in (*ROW_METRICS, *DEPRECATED_ROW_METRICS):
        rows = session.execute(text(metric.sql)).all()
        measured = (row for row in rows if row[-1] is not None)
        yield metric, [(tuple(str(label) for label in row[:-1]), float(row[-1])) for row in measured]
