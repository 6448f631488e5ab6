"""Throttle by subject: sign-ins by address and e-mail against password guessing, and writes of guests."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.user import SignInLimit, User, UserStatus
from services.core.errors import RateLimited


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """At most `tries` attempts within `seconds`."""

    tries: int
    seconds: int


ADDRESS_ATTEMPT_LIMIT = AttemptLimit(tries=60, seconds=60)
EMAIL_ATTEMPT_LIMIT = AttemptLimit(tries=10, seconds=300)


def count_attempt(session: Session, subject: str, limit: AttemptLimit) -> None:
    """Count one attempt of `subject`.

    Raises:
        RateLimited: the window is full. The rejected attempt is rolled back, so the window still ends on time.
    """
    ended = SignInLimit.window_start < func.now() - timedelta(seconds=limit.seconds)
    counted = insert(SignInLimit).values(subject=subject, window_start=func.now(), tries=1)
    tries, left = session.execute(
        counted.on_conflict_do_update(
            index_elements=[SignInLimit.subject],
            set_={
                "tries": case((ended, 1), else_=SignInLimit.tries + 1),
                "window_start": case((ended, func.now()), else_=SignInLimit.window_start),
            },
        ).returning(
            SignInLimit.tries,
            func.extract("epoch", SignInLimit.window_start - func.now()) + limit.seconds,
        )
    ).one()
    if tries > limit.tries:
        wait = max(1, int(left))
        raise RateLimited(f"more than {limit.tries:,} tries within {limit.seconds:,} s; try again in {wait:,} s", wait)


def reset_attempts(session: Session, email: str) -> None:
    """Delete the failed attempts of an e-mail after a successful sign-in."""
    session.execute(delete(SignInLimit).where(SignInLimit.subject == email_throttle_key(email)))


def email_throttle_key(email: str) -> str:
    """Return the throttle key of an e-mail, ignoring case."""
    return f"email:{email.lower()[:320]}"


def find_password_hash(session: Session, email: str) -> tuple[uuid.UUID, str | None] | None:
    """Return id and password hash of the active user with this e-mail."""
    row = session.execute(
        select(User.id, User.password_hash).where(
            func.lower(User.email) == email.lower(), User.status == UserStatus.ACTIVE
        )
    ).first()
    return (row[0], row[1]) if row else None
