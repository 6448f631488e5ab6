"""Sign-in, tokens and apps. The secret of a token is only in the response that creates it."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.bodies import Body, Name, Text
from api.call import Answer, Call, OpenCall
from api.pages import LastId, PerPage, cursored
from api.rendering import stamp
from api.routing import Service
from models.user import App, Token, User
from tasks.passwords import is_password
from tasks.sign_in import BY_ADDRESS, BY_EMAIL, count_try, email_subject, find_password, forgive
from tasks.tokens import app_named, create_app, extend_token, find_app, find_token, issue_token, revoke_token

routes = Service("auth")
SIGN_IN_SECONDS = 14 * 24 * 3600
ExpiresIn = Annotated[int | None, Query(ge=1, le=5 * 365 * 24 * 3600, description="seconds; without it, no end")]


class SignInBody(Body):
    email: Annotated[str, Field(max_length=320)]
    password: Annotated[str, Field(max_length=10_000)]
    app_name: Name | None = None


class AppBody(Body):
    name: Name
    description: Text | None = None


def token_body(token: Token, secret: str | None = None) -> dict[str, Any]:
    """Serialise a token. The secret is included once; later `token` is empty, since clients require the key."""
    return {
        "id": str(token.id),
        "token": secret or "",
        "app_id": str(token.app_id),
        "user_id": str(token.user_id),
        "expires": stamp(token.expires_at),
        "last_used": stamp(token.last_used_at),
        "date_created": stamp(token.date_created),
        "date_modified": stamp(token.date_created),
    }


def app_body(app: App) -> dict[str, Any]:
    """Serialise an app."""
    return {
        "id": str(app.id),
        "name": app.name,
        "description": app.description,
        "default_user_id": str(app.user_id),
        "date_created": stamp(app.date_created),
        "date_modified": stamp(app.date_modified),
    }


@routes.post("/auth/simple/login/", public=True, own_transactions=True)
def post_sign_in(call: OpenCall, body: SignInBody) -> Any:
    """Sign in by e-mail and password for a token of two weeks. Attempts are counted before the password is checked."""
    # Committed before the slow password check, so that parallel attempts cannot pass the limit.
    call.transact(lambda session: count_try(session, f"address:{call.address}", BY_ADDRESS))
    call.transact(lambda session: count_try(session, email_subject(body.email), BY_EMAIL))
    found = call.transact(lambda session: find_password(session, body.email))
    if not is_password(body.password, found[1] if found else None) or found is None:
        return Answer(401, {"errors": ["no user has this e-mail and password"]})
    user_id = found[0]
    return call.transact(lambda session: _signed_in(session, user_id, body))


def _signed_in(session: Session, user_id: UUID, body: SignInBody) -> dict[str, Any]:
    forgive(session, body.email)
    session.execute(update(User).where(User.id == user_id).values(last_web_login=func.now()))
    app = app_named(session, user_id, body.app_name or "Sign-in")
    return token_body(*issue_token(session, user_id, app.id, SIGN_IN_SECONDS))


@routes.post("/auth/token/", keeps=False)
def post_token(call: Call, expires_in: ExpiresIn = None) -> dict[str, Any]:
    """Create another token of the caller, for the same app."""
    assert call.actor.user_id is not None
    return token_body(*issue_token(call.session, call.actor.user_id, call.token.app_id, expires_in))


@routes.put("/auth/token/", keeps=False)
def put_token(call: Call) -> dict[str, Any]:
    """Extend the token that authenticates this request; its secret does not change."""
    token = extend_token(call.session, call.token.token_id, SIGN_IN_SECONDS)
    return token_body(token, call.request.headers["auth-token"])


@routes.get("/auth/token/")
def get_token(call: Call) -> dict[str, Any]:
    """Return the token that authenticates this request, without its secret."""
    return token_body(find_token(call.session, call.actor, call.token.token_id))


@routes.delete("/auth/token/", keeps=False)
def delete_token(call: Call) -> None:
    """Sign out: revoke the token that authenticates this request."""
    revoke_token(call.session, call.token.token_id)


@routes.get("/auth/tokens/")
def get_tokens(call: Call, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the caller's tokens, with expiry and last use."""
    mine = select(Token).where(Token.user_id == call.actor.user_id)
    return cursored(call, mine, Token.id, last_id, per_page, lambda rows: [token_body(token) for token in rows])


@routes.get("/auth/token/{token_id}/")
def get_one_token(call: Call, token_id: UUID) -> dict[str, Any]:
    """Return one of the caller's tokens, without its secret."""
    return token_body(find_token(call.session, call.actor, token_id))


@routes.delete("/auth/token/{token_id}/")
def delete_one_token(call: Call, token_id: UUID) -> None:
    """Revoke one of the caller's tokens."""
    revoke_token(call.session, find_token(call.session, call.actor, token_id).id)


@routes.post("/apps/")
def post_app(call: Call, body: AppBody) -> dict[str, Any]:
    """Register an app that acts in the caller's name."""
    assert call.actor.user_id is not None
    return app_body(create_app(call.session, call.actor.user_id, body.name, body.description or ""))


@routes.get("/apps/")
def get_apps(call: Call, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the caller's apps."""
    return cursored(call, select(App).where(App.user_id == call.actor.user_id), App.id, last_id, per_page, _apps)


def _apps(apps: Sequence[App]) -> list[dict[str, Any]]:
    return [app_body(app) for app in apps]


@routes.post("/apps/{app_id}/token/", keeps=False)
def post_app_token(call: Call, app_id: UUID, expires_in: ExpiresIn = None) -> dict[str, Any]:
    """Create a token for an app of the caller."""
    app = find_app(call.session, call.actor, app_id)
    return token_body(*issue_token(call.session, app.user_id, app.id, expires_in))
