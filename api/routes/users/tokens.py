"""Sign-in, tokens and apps. The secret of a token is only in the response that creates it."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from sqlalchemy import select

from api.routes.users.answers import AppAnswer, TokenAnswer
from asgi.answers import ErrorsAnswer, PageAnswer, StatusResponse
from asgi.body_base import Body, LongText, ShortText
from asgi.pagination import LastId, PerPage, paginate_by_cursor, serialize_each
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call, SelfCommittingCall
from asgi.routing import RouteGroup
from models.access.user import App, Token
from services.access.sign_in import SIGN_IN_SECONDS, sign_in_by_password
from services.access.tokens import (
    extend_token,
    find_app,
    find_token,
    issue_token,
    register_app,
    revoke_sign_ins,
    revoke_token,
)

routes = RouteGroup("auth")
ExpiresInParam = Annotated[int | None, Query(ge=1, le=5 * 365 * 24 * 3600)]
IndependentParam = Annotated[bool, Query()]


class PasswordSignInBody(Body):
    email: Annotated[str, Field(max_length=320)]
    password: Annotated[str, Field(max_length=10_000)]
    app_name: ShortText | None = None


class AppBody(Body):
    name: ShortText
    description: LongText | None = None


def serialize_token(token: Token, secret: str | None = None) -> TokenAnswer:
    """Serialise a token. The secret is included once; later `token` is empty, since clients require the key."""
    return {
        "id": str(token.id),
        "token": secret or "",
        "app_id": str(token.app_id),
        "user_id": str(token.user_id),
        "made_by": optional_id(token.made_by),
        "is_sign_in": token.is_sign_in,
        "expires": format_datetime(token.expires_at),
        "last_used": format_datetime(token.last_used_at),
        "date_created": format_datetime(token.date_created),
        "date_modified": format_datetime(token.date_created),
    }


def serialize_app(app: App) -> AppAnswer:
    """Serialise an app."""
    return {
        "id": str(app.id),
        "name": app.name,
        "description": app.description,
        "default_user_id": str(app.user_id),
        "date_created": format_datetime(app.date_created),
        "date_modified": format_datetime(app.date_modified),
    }


@routes.post("/auth/simple/login/", public=True, own_transactions=True, errors=(401,))
def post_sign_in(call: SelfCommittingCall, body: PasswordSignInBody) -> TokenAnswer | StatusResponse[ErrorsAnswer]:
    """Sign in by e-mail and password for a token of two weeks."""
    found = sign_in_by_password(
        call.context.sessions, body.email, body.password, call.address, body.app_name or "Sign-in"
    )
    if found is None:
        return StatusResponse(401, {"errors": ["no user has this e-mail and password"]})
    return serialize_token(*found)


@routes.post("/auth/token/", replayable=False)
def post_token(call: Call, expires_in: ExpiresInParam = None, independent: IndependentParam = False) -> TokenAnswer:
    """Create another token of the caller, for the same app; it ends with the caller's token, or is independent."""
    assert call.actor.user_id is not None
    made_by = None if independent else call.token.token_id
    return serialize_token(
        *issue_token(call.session, call.actor.user_id, call.token.app_id, expires_in, made_by=made_by)
    )


@routes.put("/auth/token/", replayable=False, browsers=True)
def put_token(call: Call) -> TokenAnswer:
    """Extend the token that authenticates this request; its secret does not change."""
    token = extend_token(call.session, call.token.token_id, SIGN_IN_SECONDS)
    return serialize_token(token, call.request.headers["auth-token"])


@routes.get("/auth/token/")
def get_token(call: Call) -> TokenAnswer:
    """Return the token that authenticates this request, without its secret."""
    return serialize_token(find_token(call.session, call.actor, call.token.token_id))


@routes.delete("/auth/token/", replayable=False, browsers=True)
def delete_token(call: Call) -> None:
    """Sign out: revoke the token that authenticates this request."""
    revoke_token(call.session, call.token.token_id)


@routes.get("/auth/tokens/", never_gives=(404,))
def get_tokens(call: Call, per_page: PerPage = 50, last_id: LastId = None) -> PageAnswer[TokenAnswer]:
    """List the caller's tokens, with expiry and last use."""
    mine = select(Token).where(Token.user_id == call.actor.user_id)
    return paginate_by_cursor(call, mine, Token.id, last_id, per_page, serialize_each(serialize_token))


@routes.delete("/auth/tokens/", replayable=False, browsers=True, is_extension=True)
def delete_sign_ins(call: Call) -> None:
    """Sign out everywhere: revoke the tokens of all sign-ins of the caller, with those that they made."""
    assert call.actor.user_id is not None
    revoke_sign_ins(call.session, call.actor.user_id)


@routes.get("/auth/token/{token_id}/")
def get_one_token(call: Call, token_id: UUID) -> TokenAnswer:
    """Return one of the caller's tokens, without its secret."""
    return serialize_token(find_token(call.session, call.actor, token_id))


@routes.delete("/auth/token/{token_id}/")
def delete_one_token(call: Call, token_id: UUID) -> None:
    """Revoke one of the caller's tokens."""
    revoke_token(call.session, find_token(call.session, call.actor, token_id).id)


@routes.post("/apps/")
def post_app(call: Call, body: AppBody) -> AppAnswer:
    """Register an app that acts in the caller's name."""
    assert call.actor.user_id is not None
    return serialize_app(register_app(call.session, call.actor.user_id, body.name, body.description or ""))


@routes.get("/apps/", never_gives=(404,))
def get_apps(call: Call, per_page: PerPage = 50, last_id: LastId = None) -> PageAnswer[AppAnswer]:
    """List the caller's apps."""
    return paginate_by_cursor(
        call,
        select(App).where(App.user_id == call.actor.user_id),
        App.id,
        last_id,
        per_page,
        serialize_each(serialize_app),
    )


@routes.post("/apps/{app_id}/token/", replayable=False)
def post_app_token(
    call: Call, app_id: UUID, expires_in: ExpiresInParam = None, independent: IndependentParam = False
) -> TokenAnswer:
    """Create a token for an app of the caller; it ends with the caller's token, or is independent."""
    app = find_app(call.session, call.actor, app_id)
    made_by = None if independent else call.token.token_id
    return serialize_token(*issue_token(call.session, app.user_id, app.id, expires_in, made_by=made_by))
