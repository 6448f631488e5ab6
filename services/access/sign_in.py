"""Sign-in for the API and the console: by e-mail and password, where attempts are counted before the password is
checked, or by an e-mail that a provider verified."""

import uuid

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.access.user import Token, User, UserStatus
from models.core.sessions import Sessions, transact
from services.access.login_throttle import (
    ADDRESS_ATTEMPT_LIMIT,
    count_attempt,
    count_sign_in,
    find_password_hash,
    note_sign_in,
)
from services.access.tokens import get_or_register_app, issue_token
from services.core.errors import PermissionDenied
from services.core.passwords import verify_password

SIGN_IN_SECONDS = 14 * 24 * 3600


def sign_in_by_password(
    sessions: Sessions, email: str, password: str, address: str, app_name: str
) -> tuple[Token, str] | None:
    """Return a token of two weeks with its secret; None if no user has this e-mail and password.

    Raises:
        RateLimited: too many attempts from the address, or at the e-mail.
    """
    # Committed before the slow password check, so that parallel attempts cannot pass the limit.
    transact(sessions, lambda session: count_attempt(session, f"address:{address}", ADDRESS_ATTEMPT_LIMIT))
    transact(sessions, lambda session: count_sign_in(session, email, address))
    found = transact(sessions, lambda session: find_password_hash(session, email))
    if not verify_password(password, found[1] if found else None) or found is None:
        return None
    user_id = found[0]
    return transact(sessions, lambda session: _issue_sign_in_token(session, user_id, email, address, app_name))


def sign_in_by_email(sessions: Sessions, email: str, address: str, app_name: str) -> tuple[Token, str]:
    """Return a token for the user with an e-mail that a provider of sign-ins verified.

    Raises:
        PermissionDenied: no user who may sign in has this e-mail.
    """

    def issue(session: Session) -> tuple[Token, str]:
        is_user = (func.lower(User.email) == email.lower(), User.status == UserStatus.ACTIVE)
        user = session.scalar(select(User).where(*is_user))
        if user is None:
            raise PermissionDenied(f'no user has the e-mail "{email[:320]}"; an administrator adds it')
        return _issue_sign_in_token(session, user.id, email, address, app_name)

    return transact(sessions, issue)


def _issue_sign_in_token(
    session: Session, user_id: uuid.UUID, email: str, address: str, app_name: str
) -> tuple[Token, str]:
    note_sign_in(session, email, address)
    session.execute(update(User).where(User.id == user_id).values(last_web_login=func.now()))
    app = get_or_register_app(session, user_id, app_name)
    return issue_token(session, user_id, app.id, SIGN_IN_SECONDS, is_sign_in=True)
