"""Throttle by subject: sign-ins by address and e-mail against password guessing, and writes of guests.

Guesses at one e-mail are limited from one address, and more generously from all addresses together. The second limit is
against guesses from many places, and would let anyone lock a person out who knows the e-mail: an address from which
this user has signed in within `KNOWN_ADDRESS_RETENTION` is exempt from it.
"""

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
"""From one address."""
EMAIL_TOTAL_LIMIT = AttemptLimit(tries=100, seconds=3600)
"""From all addresses from which the user has not signed in lately."""
OLD_PASSWORD_LIMIT = AttemptLimit(tries=10, seconds=300)
"""Of a user who changes the own password: a stolen token must not find out what it was."""
KNOWN_ADDRESS_PREFIX = "known:"


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


def count_sign_in(session: Session, email: str, address: str) -> None:
    """Count an attempt to sign in as a user. Raises RateLimited beyond the limits of the e-mail."""
    email = _normalize(email)
    count_attempt(session, f"email:{email} {address}", EMAIL_ATTEMPT_LIMIT)
    if session.get(SignInLimit, _known_address(email, address)) is None:
        count_attempt(session, f"email:{email}", EMAIL_TOTAL_LIMIT)


def note_sign_in(session: Session, email: str, address: str) -> None:
    """Note a successful sign-in: the attempts of this address are forgotten, and it is known for this user."""
    email = _normalize(email)
    session.execute(delete(SignInLimit).where(SignInLimit.subject == f"email:{email} {address}"))
    known = insert(SignInLimit).values(subject=_known_address(email, address), window_start=func.now(), tries=0)
    session.execute(
        known.on_conflict_do_update(index_elements=[SignInLimit.subject], set_={"window_start": func.now()})
    )


def _normalize(email: str) -> str:
    return email.lower()[:320]


def _known_address(email: str, address: str) -> str:
    return f"{KNOWN_ADDRESS_PREFIX}{email} {address}"


def find_password_hash(session: Session, email: str) -> tuple[uuid.UUID, str | None] | None:
    """Return id and password hash of the active user with this e-mail."""
    row = session.execute(
        select(User.id, User.password_hash).where(
            func.lower(User.email) == email.lower(), User.status == UserStatus.ACTIVE
        )
    ).first()
    return (row[0], row[1]) if row else None
