"""Shares of an asset or a collection on its page: made, listed with their links, and ended."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from models.access.acl import ShareRight
from models.access.share import Share, ShareUser
from models.core.base import parse_id
from services.core.errors import NotFound, ValidationFailed
from services.objects.objects import find_object
from services.shares.links import build_share_link
from services.shares.recipients import hand_out_links, load_recipients
from services.shares.shares import ShareInput, create_share, find_share, require_share_owner, revoke_share
from services.viewing.tree import list_running_shares
from web.console import Visit
from web.share_pages import MAX_COMMENT_CHARACTERS

MAX_SHARE_DAYS = 365


@dataclass(frozen=True, slots=True)
class ShownShare:
    """A share with its recipients, and its link where it is for everyone who has it."""

    row: Share
    emails: list[str]
    link: str | None


def list_shown_shares(visit: Visit, kind: str, object_id: UUID) -> list[ShownShare]:
    """Return the shares of an object that are open now."""
    shares = list_running_shares(visit.session, kind, object_id)
    users = load_recipients(visit.session, [share.id for share in shares])
    return [
        ShownShare(
            share,
            [user.email for user in users[share.id] if user.email],
            _link(visit, users[share.id][0]) if share.has_url and users[share.id] else None,
        )
        for share in shares
        if share.expires > datetime.now(UTC)
    ]


def _link(visit: Visit, user: ShareUser) -> str:
    base = (visit.context.outside.public_url or str(visit.request.base_url)).rstrip("/")
    return build_share_link(visit.key, base, user.id, user.generation)


def share_object(visit: Visit, kind: str, object_id: UUID) -> tuple[str, ...]:
    """Share an object: by one link, or by one for each address. Return those that are not mailed, to be shown once."""
    emails = visit.form.get("emails", "").replace(",", " ").split()
    days = visit.form.get("days", "7")
    if not (days.isascii() and days.isdigit() and 0 < int(days) <= MAX_SHARE_DAYS):
        raise ValidationFailed("days", f"a share ends within {MAX_SHARE_DAYS} days")
    new = ShareInput(
        allows=frozenset(right.value for right in ShareRight if visit.form.get(right.value)),
        message=visit.form.get("message", "")[:MAX_COMMENT_CHARACTERS],
        emails=emails,
        has_url=not emails,
        expires=datetime.now(UTC) + timedelta(days=int(days)),
    )
    share = create_share(visit.session, visit.actor, kind, object_id, new)
    if not emails:
        return ()
    users = load_recipients(visit.session, [share.id])[share.id]
    found = find_object(visit.session, visit.actor, kind, object_id)
    shown = hand_out_links(visit.session, visit.context.outside, found, users, visit.actor, visit.notify)
    return tuple(f"{one.email}: {_link(visit, one)}" for one in users if one.id in shown)


def end_object_share(visit: Visit, kind: str, object_id: UUID) -> None:
    """End a share of an object at once."""
    share_id = parse_id(visit.form.get("share"))
    if share_id is None:
        raise NotFound("share", visit.form.get("share", "")[:80])
    found, share = find_share(visit.session, visit.actor, kind, object_id, share_id)
    require_share_owner(visit.session, visit.actor, share, found)
    revoke_share(visit.session, found, share, visit.actor)
