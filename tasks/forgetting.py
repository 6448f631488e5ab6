"""Retention: delete expired idempotency keys, sign-in attempts, tokens, and finished jobs, mails and deliveries.

Dead letters stay until an operator handles them. History and the audit log are kept forever.
"""

from datetime import timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.orm import Session

from models.idempotency import KeptAnswer
from models.user import SignInLimit, Token

ANSWERS, TRIES, TOKENS = timedelta(days=1), timedelta(days=1), timedelta(days=30)


def forget_old(session: Session) -> None:
    """Delete expired idempotency keys, sign-in attempts and tokens: three deletes by index or on small tables."""
    session.execute(delete(KeptAnswer).where(KeptAnswer.date_created < func.now() - ANSWERS))
    session.execute(delete(SignInLimit).where(SignInLimit.window_start < func.now() - TRIES))
    session.execute(delete(Token).where(Token.expires_at < func.now() - TOKENS))


KEPT_DAYS = 30
BATCH = 10_000
LONG_ENDED = {
    "job": """completed_at < now() - make_interval(days => :days) AND parked_at IS NULL
        AND NOT EXISTS (SELECT FROM job AS child WHERE child.parent_id = job.id)""",
    "mail": "done_at < now() - make_interval(days => :days)",
    "webhook_delivery": "done_at < now() - make_interval(days => :days)",
}
"""SQL condition of expired rows by table; a job is deleted after its child jobs."""


def forget_ended(session: Session) -> int:
    """Delete up to one batch per table; return the number of rows, 0 when nothing is left."""
    # Small batches by id: one delete of millions of rows would hold locks and bloat the tables.
    gone = 0
    for table, ended in LONG_ENDED.items():
        batch = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {ended} ORDER BY id LIMIT {BATCH})"
        gone += session.execute(text(batch), {"days": KEPT_DAYS}).rowcount
    return gone
