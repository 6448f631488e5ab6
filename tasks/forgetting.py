"""Removing what was kept for a time only: answers to repeated writes, tries to sign in, what ended long ago.

What waits for a person (parked, with its reason) stays however old it is. History and the audit log are for good.
"""

from datetime import timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.orm import Session

from models.idempotency import KeptAnswer
from models.user import SignInLimit, Token

ANSWERS, TRIES, TOKENS = timedelta(days=1), timedelta(days=1), timedelta(days=30)


def forget_old(session: Session) -> None:
    """Three deletes by index or on small tables; run it now and then."""
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
"""By table, what nobody looks at any more; a job goes after those that it started."""


def forget_ended(session: Session) -> int:
    """Remove up to a batch of each; returns how many went, so that a caller goes on until none does."""
    gone = 0
    for table, ended in LONG_ENDED.items():
        batch = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {ended} ORDER BY id LIMIT {BATCH})"
        gone += session.execute(text(batch), {"days": KEPT_DAYS}).rowcount
    return gone
