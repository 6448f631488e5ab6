"""Retention: delete expired idempotency keys, sign-in attempts, tokens, and finished jobs, mails and deliveries.

Dead letters stay until an operator handles them. History and the audit log are kept forever.
"""

from datetime import timedelta

from sqlalchemy import case, delete, func
from sqlalchemy.orm import Session

from models.access.user import SignInLimit, Token
from models.core.idempotency import IdempotencyKey
from models.queues.registry import WORK_QUEUES
from services.access.login_throttle import KNOWN_ADDRESS_PREFIX

IDEMPOTENCY_KEY_RETENTION, LOGIN_ATTEMPT_RETENTION, EXPIRED_TOKEN_RETENTION = (
    timedelta(days=1),
    timedelta(days=1),
    timedelta(days=30),
)
KNOWN_ADDRESS_RETENTION = timedelta(days=90)


def delete_expired_keys_and_tokens(session: Session) -> None:
    """Delete expired idempotency keys, sign-in attempts and tokens: three deletes by index or on small tables."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.date_created < func.now() - IDEMPOTENCY_KEY_RETENTION))
    is_known = SignInLimit.subject.startswith(KNOWN_ADDRESS_PREFIX)
    age = case((is_known, KNOWN_ADDRESS_RETENTION), else_=LOGIN_ATTEMPT_RETENTION)
    session.execute(delete(SignInLimit).where(SignInLimit.window_start < func.now() - age))
    session.execute(delete(Token).where(Token.expires_at < func.now() - EXPIRED_TOKEN_RETENTION))


FINISHED_WORK_RETENTION_DAYS = 30
RETENTION_BATCH_ROWS = 10_000
# Small batches: one delete of millions of rows would hold locks and bloat the tables.


def delete_expired_work(session: Session) -> int:
    """Delete up to one batch per table; return the number of rows, 0 when nothing is left."""
    days, most = FINISHED_WORK_RETENTION_DAYS, RETENTION_BATCH_ROWS
    return sum(queue.delete_expired(session, days, most) for queue in WORK_QUEUES if queue.is_expired)
