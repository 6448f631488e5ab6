"""Sign-in of guests: exchange the hash of a link for a token; read and extend the token."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Request
from pydantic import Field
from sqlalchemy.orm import Session

from api.bodies import Body
from api.call import Answer, Call, OpenCall
from api.routing import Service
from api.services.share_bodies import share_token_body
from api.signing_in import NotSignedIn, find_guest_of
from tasks.server_key import require_key
from tasks.share_guests import GuestToken, Recipient, count_request, refresh, sign_in_by_link
from tasks.share_mail import send_link_again

routes = Service("assets")
Secret = Annotated[str, Field(max_length=10_000)]
REFUSED = "this link is not good: it is unknown, has ended, or asks for another password"
"""Same message for every failure, so that responses do not reveal which links exist."""


class SignInBody(Body):
    hash: Secret
    password: Secret | None = None


class LinkBody(Body):
    email: Annotated[str, Field(max_length=320)]


class NamedSignInBody(SignInBody, LinkBody):
    pass


@routes.post("/shares/auth/login/", status=200, public=True, own_transactions=True, unsupported=True)
def post_share_login(call: OpenCall, body: SignInBody) -> Any:
    """Exchange the last part of a link's URL, and its password if it has one, for a token of twelve hours."""
    return sign_in(call, body)


def sign_in(call: OpenCall, body: SignInBody, only: Recipient | None = None) -> Any:
    """Return a token, or 401 with the same message for every failure."""
    key = require_key(call.context.outside.key)
    token = sign_in_by_link(call.context.sessions, key, body.hash, body.password, call.address, only)
    return share_token_body(token) if token is not None else Answer(401, {"errors": [REFUSED]})


def own_token(session: Session, request: Request) -> GuestToken:
    """Return the guest token that the caller sent; users without one get 401."""
    secret = request.headers.get("share-auth-token") or request.headers.get("auth-token")
    if not secret:
        raise NotSignedIn
    return find_guest_of(session, request, secret)


@routes.get("/shares/auth/token/", guests=True)
def get_share_token(call: Call) -> dict[str, Any]:
    """Return the guest sign-in of this request."""
    return share_token_body(own_token(call.session, call.request))


@routes.put("/shares/auth/token/", guests=True, keeps=False)
def put_share_token(call: Call) -> dict[str, Any]:
    """Extend the guest sign-in to twelve hours from now, at most to the end of the share."""
    return share_token_body(refresh(call.session, own_token(call.session, call.request)))


@routes.post("/shares/{share_id}/magic_link/request/", status=200, public=True, own_transactions=True)
def post_magic_link_request(call: OpenCall, share_id: UUID, body: LinkBody) -> dict[str, Any]:
    """Mail a recipient its own link again. The response is the same for every caller and share."""
    rings: list[str] = []
    # Committed on its own: the request counts against the limit even if sending fails.
    call.transact(lambda session: count_request(session, call.address, share_id, body.email))
    call.transact(
        lambda session: send_link_again(
            session, call.context.outside, share_id, body.email, lambda task, _ids: rings.append(task)
        )
    )
    for task in rings:
        call.context.ring(task, [])
    return {"message": "whoever this was shared with gets a mail now", "expires_in_minutes": None}


@routes.post(
    "/shares/{share_id}/magic_link/validate/", status=200, public=True, own_transactions=True, unsupported=True
)
def post_magic_link_validate(call: OpenCall, share_id: UUID, body: NamedSignInBody) -> Any:
    """Sign in by a mailed link, which must belong to this share and e-mail."""
    return sign_in(call, body, Recipient(share_id, body.email))
