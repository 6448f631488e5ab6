"""Users, login limits and tokens, without a route."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from models.access.acl import Actor
from models.access.audit_log import AuditEntry
from models.access.user import SignInLimit, Token, User
from models.core.idempotency import IdempotencyKey
from models.core.sessions import Sessions
from services.access.login_throttle import (
    EMAIL_TOTAL_LIMIT,
    AttemptLimit,
    count_attempt,
    count_sign_in,
    note_sign_in,
)
from services.access.tokens import authenticate_token, issue_token, register_app, token_digest, touch_token
from services.access.users import create_user, delete_user, ensure_administrator, update_user
from services.core.actors import SETUP_ACTOR
from services.core.errors import Conflict, RateLimited, ValidationFailed
from services.core.passwords import hash_password, verify_password
from services.lifecycle.retention import delete_expired_keys_and_tokens


def test_the_first_start_makes_one_administrator_and_shows_the_password_once(sessions: Sessions) -> None:
    with sessions.begin() as session:
        email, password = ensure_administrator(session)
    with sessions.begin() as session:
        assert ensure_administrator(session) == (email, None)
        kept = session.scalar(select(User.password_hash).where(User.email == email))
    assert password is not None
    assert verify_password(password, kept)
    assert password not in str(kept)


def test_the_last_administrator_stays(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ensure_administrator(session)
        last = session.scalars(select(User)).one()
    for change in ({"is_admin": False}, {"status": "BLOCKED"}):
        with sessions() as session, pytest.raises(Conflict):
            update_user(session, last.id, change, SETUP_ACTOR)
    with sessions() as session, pytest.raises(Conflict):
        delete_user(session, last.id, SETUP_ACTOR)


def test_a_new_password_signs_out_everywhere(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = create_user(session, User(email="a@example.org"), SETUP_ACTOR)
        app = register_app(session, user.id, "x")
        issue_token(session, user.id, app.id)
        update_user(session, user.id, {"password_hash": hash_password("long enough now")}, SETUP_ACTOR)
        assert session.scalar(select(func.count()).select_from(Token)) == 0


def test_audit_tells_who_changed_whom_and_no_password(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = create_user(session, User(email="a@example.org"), SETUP_ACTOR)
        update_user(session, user.id, {"password_hash": "hashed", "first_name": "A"}, Actor("b", is_admin=True))
        told = session.scalars(select(AuditEntry.description).order_by(AuditEntry.id)).all()
    assert told == ['user "a@example.org" was created', 'user "a@example.org": changed first_name, password']


@pytest.mark.parametrize("password", ["short", "x" * 600])
def test_a_password_that_keeps_nobody_out_is_refused(password: str) -> None:
    with pytest.raises(ValidationFailed):
        hash_password(password)


def test_tries_are_counted_within_a_window_and_forgotten_after_it(sessions: Sessions) -> None:
    limit = AttemptLimit(tries=2, seconds=60)
    for _ in range(2):
        with sessions.begin() as session:
            count_attempt(session, "email:x", limit)
    with sessions() as session, pytest.raises(RateLimited) as refused:
        count_attempt(session, "email:x", limit)
    assert 0 < refused.value.seconds <= 60
    with sessions.begin() as session:
        past = SignInLimit.window_start - func.make_interval(0, 0, 0, 0, 0, 0, 61)
        session.execute(update(SignInLimit).values(window_start=past))
        count_attempt(session, "email:x", limit)


def test_a_token_is_found_until_its_end_and_its_use_is_written_once_a_minute(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = create_user(session, User(email="a@example.org"), SETUP_ACTOR)
        app = register_app(session, user.id, "x")
        token, secret = issue_token(session, user.id, app.id, 60)
    with sessions.begin() as session:
        found = authenticate_token(session, app.id, secret)
        assert found is not None
        assert found.is_stale
        touch_token(session, token.id)
    with sessions.begin() as session:
        found = authenticate_token(session, app.id, secret)
        assert found is not None
        assert not found.is_stale
        session.execute(update(Token).values(expires_at=func.now()))
    with sessions.begin() as session:
        assert authenticate_token(session, app.id, secret) is None
        assert authenticate_token(session, uuid4(), secret) is None
        assert session.scalars(select(Token.digest)).one() == token_digest(secret)


def test_what_was_kept_for_a_time_is_forgotten_after_it(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = create_user(session, User(email="a@example.org"), SETUP_ACTOR)
        app = register_app(session, user.id, "x")
        for text in ("old", "new"):
            session.add(IdempotencyKey(user_id=user.id, key=text, fingerprint=b""))
            count_attempt(session, f"email:{text}", AttemptLimit(9, 60))
        issue_token(session, user.id, app.id, 60)
        issue_token(session, user.id, app.id)
        long_ago = func.now() - func.make_interval(0, 0, 0, 31)
        session.execute(update(IdempotencyKey).where(IdempotencyKey.key == "old").values(date_created=long_ago))
        session.execute(update(SignInLimit).where(SignInLimit.subject == "email:old").values(window_start=long_ago))
        session.execute(update(Token).where(Token.expires_at.is_not(None)).values(expires_at=long_ago))
        delete_expired_keys_and_tokens(session)
        assert session.scalars(select(IdempotencyKey.key)).all() == ["new"]
        assert session.scalars(select(SignInLimit.subject)).all() == ["email:new"]
        assert session.scalars(select(Token.expires_at)).all() == [None]


def test_nobody_is_locked_out_by_an_e_mail_alone(sessions: Sessions) -> None:
    """Guesses from one address stop that address; from many, all but those that the user signed in from."""
    home, email = "198.51.100.1", "Ann@example.org"
    with sessions.begin() as session:
        note_sign_in(session, email.lower(), home)

    def is_stopped(address: str) -> bool:
        try:
            with sessions.begin() as session:
                count_sign_in(session, email, address)
        except RateLimited:
            return True
        return False

    assert [is_stopped("203.0.113.1") for _ in range(12)] == [False] * 10 + [True] * 2
    assert not is_stopped("203.0.113.2")
    left = EMAIL_TOTAL_LIMIT.tries - 11
    assert not any(is_stopped(f"192.0.2.{number}") for number in range(left))
    assert is_stopped("192.0.2.200"), "guesses from many places are stopped"
    assert [is_stopped(home) for _ in range(12)] == [False] * 10 + [True] * 2, "she is not, unless she guesses herself"
    with sessions.begin() as session:
        note_sign_in(session, email, home)
        delete_expired_keys_and_tokens(session)
    assert not is_stopped(home)
