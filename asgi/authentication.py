"""Authentication by the headers `App-ID` and `Auth-Token`, without "Bearer". All failures give the same response.

A guest of a share sends its token in the same headers, or in `Share-Auth-Token` alone. Guests may call only routes
that declare it, so that no route is open by omission.
"""

import dataclasses

from fastapi import Request
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.core.base import parse_id
from services.access.tokens import AuthenticatedToken, authenticate_token, touch_token
from services.core.errors import PermissionDenied, ValidationFailed
from services.outbound.mail_queue import check_mail_address
from services.shares.guests import GUEST_TOKEN_PREFIX, GuestToken, find_guest

GUESTS_REFUSED = "guests of a share may not use this; sign in as a user"


class NotAuthenticated(Exception):
    """Raised for missing or invalid credentials; does not say which part of them is wrong."""


def authenticate(
    session: Session, request: Request, *, guests: bool = False, browsers: bool = False
) -> AuthenticatedToken:
    """Return the user or guest that the headers authenticate; updates a token's last use at most once a minute.

    Args:
        guests: whether guests of a share may call the route.
        browsers: whether users who only browse may; they always may call a GET.
    """
    secret = find_secret(request) or ""
    if secret.startswith(GUEST_TOKEN_PREFIX):
        found = authenticate_guest(session, request, secret)
        if not guests:
            raise PermissionDenied(GUESTS_REFUSED)
        actor = name_guest_by_email(found.share.actor, request.headers.get("share-user-email"))
        return AuthenticatedToken(actor, found.id, found.share.guest.share_id, is_stale=False)
    user = _authenticate_user(session, request)
    if user.actor.only_browses and not browsers and request.method != "GET":
        raise PermissionDenied("your user type may only browse and search; ask an administrator for another type")
    return user


def find_secret(request: Request) -> str | None:
    """Return the token that the headers carry, not checked."""
    return request.headers.get("share-auth-token") or request.headers.get("auth-token")


def _authenticate_user(session: Session, request: Request) -> AuthenticatedToken:
    app, secret = parse_id(request.headers.get("app-id")), request.headers.get("auth-token")
    found = authenticate_token(session, app, secret) if app is not None and secret else None
    if found is None:
        raise NotAuthenticated
    if found.is_stale:
        touch_token(session, found.token_id)
    return found


def authenticate_guest(session: Session, request: Request, secret: str) -> GuestToken:
    """Return the guest of a token.

    `Share-Auth-Token` is matched without `App-ID`, since clients send the `App-ID` of their user beside it.
    """
    alone = "share-auth-token" in request.headers
    app = None if alone else parse_id(request.headers.get("app-id"))
    found = find_guest(session, secret, app) if alone or app is not None else None
    if found is None:
        raise NotAuthenticated
    return found


def name_guest_by_email(actor: Actor, claimed: str | None) -> Actor:
    """Name the guest of a public link by the e-mail it claims; history marks the name as claimed."""
    if not claimed or actor.guest is None or actor.guest.email:
        return actor
    try:
        return dataclasses.replace(actor, name=f"{check_mail_address(claimed)} (so said by a guest)")
    except ValidationFailed:
        return actor
