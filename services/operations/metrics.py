"""State of the whole system as metrics over time, for monitoring and alerts.

`services.operations.status` answers one operator; metrics are scraped every few seconds, so each is one statement.
Files and assets are counted by a scan of their rows: the caller caches the result for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.media_work import MediaKind
from models.queues.outbox import IS_OUTBOX_DUE
from services.indexing.requests import COMPARE_INDEX_TASK

MetricLabels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowMetric:
    """A metric: one number, or one for each combination of labels. `is_counter` distinguishes a counter from a
    gauge."""

    name: str
    help: str
    labels: MetricLabels = ()
    samples: list[tuple[MetricLabels, float]] = field(default_factory=list)
    is_counter: bool = False


@dataclass(frozen=True, slots=True)
class _MetricQuery:
    name: str
    help: str
    labels: MetricLabels
    sql: str
    """Returns a column for each label, then the number."""
    is_counter: bool = False


MEDIA_KINDS_SQL = f"unnest(ARRAY{[str(kind) for kind in MediaKind]}) AS kinds (kind)"
"""All kinds, so that a kind without pending work is reported as zero."""


def _for_each_outbox(sql: str) -> str:
    """Apply the same query to each outbox."""
    tables = {"mails": "mail", "deliveries": "webhook_delivery"}
    return " UNION ALL ".join(sql.format(name=name, table=table, DUE=IS_OUTBOX_DUE) for name, table in tables.items())


METRIC_QUERIES = (
    _MetricQuery(
        "files", "Files of all storages by state.", ("state",), "SELECT status, count(*) FROM file GROUP BY 1"
    ),
    _MetricQuery("assets", "Assets by status.", ("status",), "SELECT status, count(*) FROM asset GROUP BY 1"),
    _MetricQuery(
        "islands",
        "Islands that want something: due to be grouped, waiting for a partner of a file, parked.",
        ("state",),
        """SELECT 'due', count(*) FROM island WHERE dirty_since IS NOT NULL AND parked_at IS NULL
        UNION ALL SELECT 'waiting', count(*) FROM island WHERE wait_until IS NOT NULL
        UNION ALL SELECT 'parked', count(*) FROM island WHERE parked_at IS NOT NULL""",
    ),
    _MetricQuery(
        "island_lag_seconds",
        "Age of the oldest change that is not grouped yet.",
        (),
        """SELECT coalesce(extract(epoch FROM now() - min(dirty_since)), 0) FROM island
        WHERE dirty_since IS NOT NULL AND parked_at IS NULL""",
    ),
    _MetricQuery(
        "index_marks",
        "Documents that want something: to be written to the search engine, or parked.",
        ("state",),
        """SELECT 'due', count(*) FROM index_mark WHERE dirty_since IS NOT NULL AND parked_at IS NULL
        UNION ALL SELECT 'parked', count(*) FROM index_mark WHERE parked_at IS NOT NULL""",
    ),
    _MetricQuery(
        "index_lag_seconds",
        "Age of the oldest change that cannot be found yet.",
        (),
        """SELECT coalesce(extract(epoch FROM now() - min(dirty_since)), 0) FROM index_mark
        WHERE dirty_since IS NOT NULL AND parked_at IS NULL""",
    ),
    _MetricQuery(
        "jobs",
        "Jobs that Tapeless runs and that have not ended, by queue and state.",
        ("queue", "state"),
        """SELECT queue, CASE WHEN parked_at IS NOT NULL THEN 'parked' ELSE lower(status) END, count(*) FROM job
        WHERE task IS NOT NULL AND (status IN ('READY', 'STARTED', 'PAUSED') OR parked_at IS NOT NULL) GROUP BY 1, 2""",
    ),
    _MetricQuery(
        "job_lag_seconds",
        "Age of the oldest job of a queue that could run and does not.",
        ("queue",),
        """SELECT queue, extract(epoch FROM now() - min(greatest(not_before, date_created))) FROM job
        WHERE task IS NOT NULL AND status = 'READY' AND parked_at IS NULL AND not_before <= now() GROUP BY 1""",
    ),
    _MetricQuery(
        "outbox",
        "Mails and deliveries of webhooks that were not sent: waiting, or parked.",
        ("outbox", "state"),
        _for_each_outbox("""SELECT '{name}', 'waiting', count(*) FROM {table} WHERE {DUE}
        UNION ALL SELECT '{name}', 'parked', count(*) FROM {table} WHERE parked_at IS NOT NULL"""),
    ),
    _MetricQuery(
        "outbox_lag_seconds",
        "Age of the oldest mail or delivery that was not sent and is still tried.",
        ("outbox",),
        _for_each_outbox("""SELECT '{name}', coalesce(extract(epoch FROM now() - min(date_created)), 0) FROM {table}
        WHERE {DUE}"""),
    ),
    _MetricQuery(
        "media_work",
        "Readings of media that were not made: waiting, or parked.",
        ("kind", "state"),
        f"""SELECT lower(kinds.kind), state, count(work.kind)
        FROM {MEDIA_KINDS_SQL} CROSS JOIN (VALUES ('waiting'), ('parked')) AS states (state)
        LEFT JOIN media_work AS work ON work.kind = kinds.kind AND (work.parked_at IS NOT NULL) = (state = 'parked')
        GROUP BY 1, 2""",
    ),
    _MetricQuery(
        "media_lag_seconds",
        "Age of the oldest reading of media that waits.",
        ("kind",),
        f"""SELECT lower(kinds.kind), coalesce(extract(epoch FROM now() - min(waits_since)), 0)
        FROM {MEDIA_KINDS_SQL} LEFT JOIN media_work AS work ON work.kind = kinds.kind AND work.parked_at IS NULL
        GROUP BY 1""",
    ),
    _MetricQuery(
        "index_drift",
        "Documents that differed from their rows at the last comparison, and were written again.",
        (),
        f"""SELECT coalesce((SELECT CAST(details ->> 'mended' AS bigint) FROM job
        WHERE task = '{COMPARE_INDEX_TASK}' AND status = 'FINISHED' ORDER BY completed_at DESC LIMIT 1), 0)""",
    ),
    _MetricQuery(
        "storage_up",
        "1 while a storage's root is there and readable.",
        ("storage",),
        "SELECT name, CAST(status = 'ACTIVE' AS int) FROM storage WHERE status <> 'INACTIVE'",
    ),
    _MetricQuery(
        "storage_frozen",
        "1 while deletions of a storage are frozen, because too much of it was gone at once.",
        ("storage",),
        "SELECT name, CAST(frozen_reason IS NOT NULL AS int) FROM storage WHERE status <> 'INACTIVE'",
    ),
    _MetricQuery(
        "scan_seconds",
        "How long the last whole walk of a storage took.",
        ("storage",),
        "SELECT name, scan_seconds FROM storage WHERE status <> 'INACTIVE'",
    ),
    _MetricQuery(
        "scan_entries",
        "Files and folders of the last whole walk of a storage.",
        ("storage",),
        "SELECT name, scan_expected FROM storage WHERE status <> 'INACTIVE'",
    ),
    _MetricQuery(
        "scan_age_seconds",
        "How long the next whole walk of a storage is due.",
        ("storage",),
        """SELECT name, greatest(0, extract(epoch FROM now() - last_scanned)
            - coalesce(CAST(settings->>'scan_interval_seconds' AS float), 5)) FROM storage
        WHERE status <> 'INACTIVE' AND last_scanned IS NOT NULL AND coalesce(settings->>'scan', 'true') <> 'false'""",
    ),
    _MetricQuery(
        "unsettled_files",
        "Files on a storage that are not stable yet.",
        ("storage",),
        "SELECT name, unsettled FROM storage WHERE status <> 'INACTIVE'",
    ),
    _MetricQuery(
        "events_lost",
        "How often events of a storage were lost; each was followed by a walk.",
        ("storage",),
        "SELECT name, events_lost FROM storage WHERE status <> 'INACTIVE'",
        is_counter=True,
    ),
)


def read_row_metrics(session: Session) -> Iterator[RowMetric]:
    """Read every metric that is computed from rows."""
    for question in METRIC_QUERIES:
        rows = session.execute(text(question.sql)).all()
        samples = [(tuple(str(label) for label in row[:-1]), float(row[-1])) for row in rows]
        yield RowMetric(question.name, question.help, question.labels, samples, question.is_counter)
