"""Authentication by the headers `App-ID` and `Auth-Token`, without "Bearer". All failures give the same response.

A guest of a share sends its token in the same headers, or in `Share-Auth-Token` alone. Guests may call only routes
that declare it, so that no route is open by omission.
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
    """Raised for missing or invalid credentials; does not say which part of them is wrong."""


def authenticate(session: Session, request: Request, *, guests: bool = False) -> SignedIn:
    """Return the user or guest that the headers authenticate; updates a token's last use at most once a minute."""
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
    """Return the guest of a token.

    `Share-Auth-Token` is matched without `App-ID`, since clients send the `App-ID` of their user beside it.
    """
    alone = "share-auth-token" in request.headers
    app = None if alone else _app_id(request)
    found = find_guest(session, secret, app) if alone or app is not None else None
    if found is None:
        raise NotSignedIn
    return found


def named(actor: Actor, claimed: str | None) -> Actor:
    """Name the guest of a public link by the e-mail it claims; history marks the name as claimed."""
    if not claimed or actor.guest is None or actor.guest.email:
        return actor
    try:
        return dataclasses.replace(actor, name=f"{check_address(claimed)} (so said by a guest)")
    except Invalid:
        return actor
