"""Samples of the system over the last day: files, work that waits, and how far the index is behind."""

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.core.system_sample import SystemSample
from models.queues.registry import ISLAND_QUEUE, JOB_QUEUE, MARK_QUEUE, MEDIA_QUEUE

SAMPLE_TASK = "maintenance.sample"
SAMPLE_INTERVAL_SECONDS = 300
"""A sample counts all files: 288 counts a day."""

IS_SAMPLE_DUE = text("""
    SELECT NOT EXISTS (
        SELECT FROM system_sample WHERE sampled_at > now() - make_interval(secs => :seconds))
""")
INSERT_SAMPLE = text(f"""
    INSERT INTO system_sample (sampled_at, files, assets, queued, index_lag_seconds)
    SELECT now(),
        (SELECT count(*) FROM file WHERE status NOT IN ('DELETED', 'MISSING')),
        (SELECT count(*) FROM asset WHERE status = 'ACTIVE'),
        {ISLAND_QUEUE.pending_count} + {MARK_QUEUE.pending_count} + {JOB_QUEUE.pending_count}
            + {MEDIA_QUEUE.pending_count},
        {MARK_QUEUE.lag}
    ON CONFLICT DO NOTHING
""")
DELETE_OLD_SAMPLES = text("DELETE FROM system_sample WHERE sampled_at < now() - interval '1 day'")


def is_sample_due(session: Session) -> bool:
    """Return whether the newest sample is some minutes old."""
    return bool(session.scalar(IS_SAMPLE_DUE, {"seconds": SAMPLE_INTERVAL_SECONDS}))


def record_sample(session: Session) -> None:
    """Add a sample, unless another process just did, and delete those that are older than a day."""
    if is_sample_due(session):
        session.execute(INSERT_SAMPLE)
        session.execute(DELETE_OLD_SAMPLES)


def list_samples(session: Session) -> Sequence[SystemSample]:
    """Return the samples of the last day, oldest first."""
    return session.scalars(select(SystemSample).order_by(SystemSample.sampled_at)).all()
