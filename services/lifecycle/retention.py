"""Retention: delete expired idempotency keys, sign-in attempts, tokens, and finished jobs, mails and deliveries.

Dead letters stay until an operator handles them. History and the audit log are kept forever.
"""

from datetime import timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.orm import Session

from models.access.user import SignInLimit, Token
from models.core.idempotency import IdempotencyKey
from models.core.statements import execute_dml

IDEMPOTENCY_KEY_RETENTION, LOGIN_ATTEMPT_RETENTION, EXPIRED_TOKEN_RETENTION = (
    timedelta(days=1),
    timedelta(days=1),
    timedelta(days=30),
)


def delete_expired_keys_and_tokens(session: Session) -> None:
    """Delete expired idempotency keys, sign-in attempts and tokens: three deletes by index or on small tables."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.date_created < func.now() - IDEMPOTENCY_KEY_RETENTION))
    session.execute(delete(SignInLimit).where(SignInLimit.window_start < func.now() - LOGIN_ATTEMPT_RETENTION))
    session.execute(delete(Token).where(Token.expires_at < func.now() - EXPIRED_TOKEN_RETENTION))


FINISHED_WORK_RETENTION_DAYS = 30
RETENTION_BATCH_ROWS = 10_000
EXPIRED_WORK_CONDITIONS = {
    "job": """completed_at < now() - make_interval(days => :days) AND parked_at IS NULL
        AND NOT EXISTS (SELECT FROM job AS child WHERE child.parent_id = job.id)""",
    "mail": "done_at < now() - make_interval(days => :days)",
    "webhook_delivery": "done_at < now() - make_interval(days => :days)",
}
"""SQL condition of expired rows by table; a job is deleted after its child jobs."""


def delete_expired_work(session: Session) -> int:
    """Delete up to one batch per table; return the number of rows, 0 when nothing is left."""
    # Small batches by id: one delete of millions of rows would hold locks and bloat the tables.
    gone = 0
    for table, ended in EXPIRED_WORK_CONDITIONS.items():
        expired = f"SELECT id FROM {table} WHERE {ended} ORDER BY id LIMIT {RETENTION_BATCH_ROWS}"
        batch = text(f"DELETE FROM {table} WHERE id IN ({expired})")
        gone += execute_dml(session, batch, {"days": FINISHED_WORK_RETENTION_DAYS})
    return gone
