"""API tokens: issue, authenticate, extend and revoke. Only the SHA-256 of a token is stored."""

import hashlib
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.user import App, Token, User, UserStatus
from models.core.base import new_id
from models.core.statements import in_array
from services.core.actors import ACTOR_COLUMNS, actor_from_row
from services.core.errors import ValidationFailed, require_found
from services.core.rows import load, save

TOKEN_BYTES = 32
MAX_TOKEN_AGE = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class AuthenticatedToken:
    """The actor that a request authenticated as, and the token it used."""

    actor: Actor
    token_id: uuid.UUID
    app_id: uuid.UUID
    is_stale: bool
    """Whether the last recorded use is more than a minute old, so that not every request writes."""


def token_digest(secret: str) -> bytes:
    """Return the stored digest of a token; plain SHA-256 suffices for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


SELECT_TOKEN_ACTOR = text(f"""
    SELECT token.id AS token_id, token.app_id,
        coalesce(token.last_used_at < now() - interval '1 minute', true) AS is_stale, {ACTOR_COLUMNS}
    FROM token JOIN user_account AS who ON who.id = token.user_id
    WHERE token.digest = :digest AND token.app_id = :app AND (token.expires_at IS NULL OR token.expires_at > now())
        AND who.status = 'ACTIVE'
""")
"""Runs on every request, so it is text: building the statement took longer than running it."""


def authenticate_token(session: Session, app_id: uuid.UUID, secret: str) -> AuthenticatedToken | None:
    """Return the actor of this token in one query.

    None if the token is unknown, expired, of another app, or its user may not sign in.
    """
    row = session.execute(SELECT_TOKEN_ACTOR, {"digest": token_digest(secret), "app": app_id}).first()
    if row is None:
        return None
    return AuthenticatedToken(actor_from_row(row), row.token_id, row.app_id, row.is_stale)


def find_valid_tokens(session: Session, token_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these tokens with which their users could still sign in."""
    is_valid = (or_(Token.expires_at.is_(None), Token.expires_at > func.now()), User.status == UserStatus.ACTIVE)
    query = select(Token.id).join(User, User.id == Token.user_id)
    return set(session.scalars(query.where(in_array(Token.id, list(token_ids)), *is_valid)))


def touch_token(session: Session, token_id: uuid.UUID) -> None:
    """Record that the token was used."""
    # SKIP LOCKED: concurrent requests with one token must not queue behind each other for a timestamp.
    fresh = select(Token.id).where(Token.id == token_id).with_for_update(skip_locked=True)
    session.execute(update(Token).where(Token.id.in_(fresh)).values(last_used_at=func.now()))


def issue_token(
    session: Session,
    user_id: uuid.UUID,
    app_id: uuid.UUID,
    expires_in: int | None = None,
    *,
    made_by: uuid.UUID | None = None,
    is_sign_in: bool = False,
) -> tuple[Token, str]:
    """Issue a token for a user's app, valid for `expires_in` seconds.

    Args:
        made_by: id of the token that asks for it: it ends when that one expires or is revoked; None: independent.
        is_sign_in: it is made by a sign-in.

    Returns:
        The token and its secret, which is stored nowhere.
    """
    if expires_in is not None and not 0 < expires_in <= MAX_TOKEN_AGE.total_seconds():
        raise ValidationFailed(
            "expires_in", f"a token lasts between 1 second and {MAX_TOKEN_AGE.days} days, not {expires_in} seconds"
        )
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    end = func.now() + timedelta(seconds=expires_in) if expires_in is not None else None
    token = Token(id=new_id(), digest=token_digest(secret), app_id=app_id, user_id=user_id, is_sign_in=is_sign_in)
    token.made_by, token.expires_at = made_by, _limit_expiry(session, made_by, end)
    return save(session, token), secret


def _limit_expiry(session: Session, made_by: uuid.UUID | None, end: Any) -> Any:
    """Return the expiry of a token, at most that of the token that made it; nulls are no limit."""
    if made_by is None:
        return end
    # LEAST ignores nulls.
    return func.least(select(Token.expires_at).where(Token.id == made_by).scalar_subquery(), end)


def register_app(session: Session, user_id: uuid.UUID, name: str, description: str = "") -> App:
    """Register a program that calls the API in a user's name."""
    if not name.strip():
        raise ValidationFailed("name", "an app needs a name")
    return save(session, App(id=new_id(), name=name, description=description, user_id=user_id))


def get_or_register_app(session: Session, user_id: uuid.UUID, name: str) -> App:
    """Return the user's app of this name, registered if new: repeated sign-ins share one app."""
    found = session.scalar(select(App).where(App.user_id == user_id, App.name == name).order_by(App.id).limit(1))
    return found or register_app(session, user_id, name)


def find_app(session: Session, actor: Actor, app_id: uuid.UUID) -> App:
    """Return an app of the actor. Administrators cannot see others' apps: its tokens act in that user's name."""
    return load(session, App, app_id, "app", user_id=actor.user_id)


def find_token(session: Session, actor: Actor, token_id: uuid.UUID) -> Token:
    """Return a token of the actor; administrators see all tokens."""
    token = session.get(Token, token_id)
    is_visible = token is not None and (actor.is_admin or token.user_id == actor.user_id)
    return require_found(token if is_visible else None, "token", token_id)


def extend_token(session: Session, token_id: uuid.UUID, expires_in: int) -> Token:
    """Set the expiry of a token to `expires_in` seconds from now, at most to that of the token that made it; a token
    without expiry keeps none."""
    token = session.get_one(Token, token_id, with_for_update=True)
    if token.expires_at is not None:
        token.expires_at = _limit_expiry(session, token.made_by, func.now() + timedelta(seconds=expires_in))
        save(session, token)
    return token


def revoke_token(session: Session, token_id: uuid.UUID) -> None:
    """Delete a token with those that it made, effective immediately."""
    session.execute(delete(Token).where(Token.id == token_id))


def revoke_sign_ins(session: Session, user_id: uuid.UUID) -> None:
    """Sign a user out everywhere: delete the tokens of all sign-ins with those that they made."""
    session.execute(delete(Token).where(Token.user_id == user_id, Token.is_sign_in))
