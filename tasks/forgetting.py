"""Removing what was kept for a time only: answers to repeated writes, tries to sign in, tokens that ended."""

from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.orm import Session

from models.idempotency import KeptAnswer
from models.user import SignInLimit, Token

ANSWERS, TRIES, TOKENS = timedelta(days=1), timedelta(days=1), timedelta(days=30)


def forget_old(session: Session) -> None:
    """Three deletes by index or on small tables; run it now and then."""
    session.execute(delete(KeptAnswer).where(KeptAnswer.date_created < func.now() - ANSWERS))
    session.execute(delete(SignInLimit).where(SignInLimit.window_start < func.now() - TRIES))
    session.execute(delete(Token).where(Token.expires_at < func.now() - TOKENS))
