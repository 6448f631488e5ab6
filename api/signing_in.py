"""Who asks: `App-ID` and `Auth-Token`, with no "Bearer" before them. One answer to all that is wrong with them.

Somebody outside sends the token that its link gave in the same headers, or in `Share-Auth-Token` alone. Such a guest
is let through to the routes that say so and to no other, so that nothing is open by omission.
"""

import dataclasses
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from models.acl import Actor
from tasks.mail import check_address
from tasks.refusals import Denied, Invalid
from tasks.share_guests import PREFIX, GuestToken, find_guest, signed_in
from tasks.tokens import SignedIn, find_signed_in, touch


class NotSignedIn(Exception):
    """The headers name nobody; which part of them is wrong is never said."""


def authenticate(session: Session, request: Request, *, guests: bool = False) -> SignedIn:
    """The user or guest behind the headers; notes at most once a minute that a user's token was used."""
    secret = request.headers.get("share-auth-token") or request.headers.get("auth-token") or ""
    if secret.startswith(PREFIX):
        found = signed_in(find_guest_of(session, request, secret))
        if not guests:
            raise Denied("a share does not open this")
        return dataclasses.replace(found, actor=named(found.actor, request.headers.get("share-user-email")))
    return _find_member(session, request)


def _find_member(session: Session, request: Request) -> SignedIn:
    app, secret = _app_id(request), request.headers.get("auth-token")
    found = find_signed_in(session, app, secret) if app is not None and secret else None
    if found is None:
        raise NotSignedIn
    if found.is_stale:
        touch(session, found.token_id)
    return found


def _app_id(request: Request) -> UUID | None:
    try:
        return UUID(request.headers.get("app-id", ""))
    except ValueError:
        return None


def find_guest_of(session: Session, request: Request, secret: str) -> GuestToken:
    """The guest of a token. In `Share-Auth-Token` it stands alone, as clients send their user's `App-ID` beside it."""
    alone = "share-auth-token" in request.headers
    app = None if alone else _app_id(request)
    found = find_guest(session, secret, app) if alone or app is not None else None
    if found is None:
        raise NotSignedIn
    return found


def named(actor: Actor, claimed: str | None) -> Actor:
    """Where a link is anybody's, who came by it says a name; history shows that it is no more than said."""
    if not claimed or actor.guest is None or actor.guest.email:
        return actor
    try:
        return dataclasses.replace(actor, name=f"{check_address(claimed)} (so said by a guest)")
    except Invalid:
        return actor
