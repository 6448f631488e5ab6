"""Who asks: `App-ID` and `Auth-Token`, with no "Bearer" before them. One answer to all that is wrong with them."""

from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from tasks.tokens import SignedIn, find_signed_in, touch


class NotSignedIn(Exception):
    """The headers name nobody; which part of them is wrong is never said."""


def authenticate(session: Session, request: Request) -> SignedIn:
    """The user behind the headers; notes at most once a minute that the token was used."""
    app_id, secret = request.headers.get("app-id"), request.headers.get("auth-token")
    if not app_id or not secret:
        raise NotSignedIn
    try:
        app = UUID(app_id)
    except ValueError:
        raise NotSignedIn from None
    signed_in = find_signed_in(session, app, secret)
    if signed_in is None:
        raise NotSignedIn
    if signed_in.is_stale:
        touch(session, signed_in.token_id)
    return signed_in
