"""Sign-in of guests: exchange the hash of a link for a token; read and extend the token."""

from typing import Annotated
from uuid import UUID

from fastapi import Request
from pydantic import Field
from sqlalchemy.orm import Session

from api.routes.shares.answers import MagicLinkAnswer, ShareTokenAnswer
from api.routes.shares.bodies import serialize_share_token
from asgi.answers import ErrorsAnswer, StatusResponse
from asgi.authentication import NotAuthenticated, authenticate_guest
from asgi.body_base import Body
from asgi.request_context import Call, SelfCommittingCall
from asgi.routing import RouteGroup
from services.core.signing_key import require_signing_key
from services.shares.guests import (
    ClaimedRecipient,
    GuestToken,
    count_link_mail_request,
    extend_guest_token,
    sign_in_by_link,
)
from services.shares.recipients import queue_link_mail_again

routes = RouteGroup("assets")
SecretText = Annotated[str, Field(max_length=10_000)]
INVALID_LINK_MESSAGE = "this link is not valid: it is unknown, has expired, or its password is wrong"
"""Same message for every failure, so that responses do not reveal which links exist."""


class ShareSignInBody(Body):
    hash: SecretText
    password: SecretText | None = None


class MagicLinkBody(Body):
    email: Annotated[str, Field(max_length=320)]


class MagicLinkSignInBody(ShareSignInBody, MagicLinkBody):
    pass


@routes.post(
    "/shares/auth/login/", status=200, public=True, own_transactions=True, needs_signing_key=True, errors=(401,)
)
def post_share_login(
    call: SelfCommittingCall, body: ShareSignInBody
) -> ShareTokenAnswer | StatusResponse[ErrorsAnswer]:
    """Exchange the last part of a link's URL, and its password if it has one, for a token of twelve hours."""
    return sign_in_guest(call, body)


def sign_in_guest(
    call: SelfCommittingCall, body: ShareSignInBody, only: ClaimedRecipient | None = None
) -> ShareTokenAnswer | StatusResponse[ErrorsAnswer]:
    """Return a token, or 401 with the same message for every failure."""
    key = require_signing_key(call.context.outside.key)
    token = sign_in_by_link(call.context.sessions, key, body.hash, body.password, call.address, only)
    return (
        serialize_share_token(token) if token is not None else StatusResponse(401, {"errors": [INVALID_LINK_MESSAGE]})
    )


def authenticate_own_guest(session: Session, request: Request) -> GuestToken:
    """Return the guest token that the caller sent; users without one get 401."""
    secret = request.headers.get("share-auth-token") or request.headers.get("auth-token")
    if not secret:
        raise NotAuthenticated
    return authenticate_guest(session, request, secret)


@routes.get("/shares/auth/token/", guests=True)
def get_share_token(call: Call) -> ShareTokenAnswer:
    """Return the guest sign-in of this request."""
    return serialize_share_token(authenticate_own_guest(call.session, call.request))


@routes.put("/shares/auth/token/", guests=True, replayable=False)
def put_share_token(call: Call) -> ShareTokenAnswer:
    """Extend the guest sign-in to twelve hours from now, at most to the end of the share."""
    return serialize_share_token(extend_guest_token(call.session, authenticate_own_guest(call.session, call.request)))


@routes.post(
    "/shares/{share_id}/magic_link/request/", status=200, public=True, own_transactions=True, never_gives=(404,)
)
def post_magic_link_request(call: SelfCommittingCall, share_id: UUID, body: MagicLinkBody) -> MagicLinkAnswer:
    """Mail a recipient its own link again. The response is the same for every caller and share."""
    wake_ups: list[str] = []
    # Committed on its own: the request counts against the limit even if sending fails.
    call.transact(lambda session: count_link_mail_request(session, call.address, share_id, body.email))
    call.transact(
        lambda session: queue_link_mail_again(
            session, call.context.outside, share_id, body.email, lambda task, _ids: wake_ups.append(task)
        )
    )
    for task in wake_ups:
        call.context.notify(task, [])
    return {
        "message": "if the share was made out to this address, its link is mailed to it again",
        "expires_in_minutes": None,
    }


@routes.post(
    "/shares/{share_id}/magic_link/validate/",
    status=200,
    public=True,
    own_transactions=True,
    needs_signing_key=True,
    errors=(401,),
    never_gives=(404,),
)
def post_magic_link_validate(
    call: SelfCommittingCall, share_id: UUID, body: MagicLinkSignInBody
) -> ShareTokenAnswer | StatusResponse[ErrorsAnswer]:
    """Sign in by a mailed link, which must belong to this share and e-mail."""
    return sign_in_guest(call, body, ClaimedRecipient(share_id, body.email))
