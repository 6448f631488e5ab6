"""Shares of an object: create, read, change and revoke, with their recipients."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from api.routes.shares.answers import ShareAnswer, ShareUserAnswer, ShareWithUsersAnswer
from api.routes.shares.bodies import (
    NewShareBody,
    ShareBody,
    ShareLinks,
    ShareUserBody,
    ShareUserChangeBody,
    serialize_share,
    serialize_share_user,
    serialize_share_with_users,
)
from asgi.answers import PageAnswer
from asgi.pagination import LastId, PerPage, paginate_by_cursor
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission
from models.access.share import Share, ShareUser
from services.core.signing_key import require_signing_key
from services.objects.objects import find_object
from services.shares.guests import find_stopped_shares
from services.shares.recipients import (
    add_share_user,
    find_share_user,
    hand_out_links,
    load_recipients,
    remove_share_user,
    update_share_user,
)
from services.shares.shares import (
    can_share,
    create_share,
    find_share,
    is_share_of_object,
    require_share_owner,
    revoke_share,
    update_share,
)

routes = RouteGroup("assets")
SHARES_PATH = "/{object_type}/{object_id}/shares/"
SHARE_PATH = SHARES_PATH + "{share_id}/"


def get_visible_links(call: Call, object_type: str, object_id: UUID) -> ShareLinks | None:
    """Return the link builder if the caller may share the object now, else None."""
    return ShareLinks(call) if can_share(call.session, call.actor, object_type, object_id) else None


@routes.post(SHARES_PATH, status=202, needs_signing_key=True, replayable=False)
def post_share(call: Call, object_type: str, object_id: UUID, body: NewShareBody) -> ShareWithUsersAnswer:
    """Share by e-mail; each recipient is mailed its own link, or it is shown here once where no mail server is set."""
    require_signing_key(call.context.outside.key)
    share = create_share(call.session, call.actor, object_type, object_id, body.new_share(body.emails))
    found, share = find_share(call.session, call.actor, object_type, object_id, share.id, Permission.CHANGE_ACL)
    users = load_recipients(call.session, [share.id])[share.id]
    shown = hand_out_links(call.session, call.context.outside, found, users, call.actor, call.notify)
    return serialize_share_with_users(share, users, ShareLinks(call, shown))


@routes.post(SHARES_PATH + "url/", status=200, needs_signing_key=True, replayable=False)
def post_share_url(call: Call, object_type: str, object_id: UUID, body: ShareBody) -> ShareAnswer:
    """Share by one public link."""
    require_signing_key(call.context.outside.key)
    share = create_share(call.session, call.actor, object_type, object_id, body.new_share(has_url=True))
    return serialize_share(share, load_recipients(call.session, [share.id])[share.id], ShareLinks(call))


@routes.get(SHARES_PATH)
def get_shares_of_object(
    call: Call, object_type: str, object_id: UUID, per_page: PerPage = 50, last_id: LastId = None
) -> PageAnswer[ShareAnswer]:
    """List the shares of an object, including expired ones, without revoked ones."""
    found = find_object(call.session, call.actor, object_type, object_id)
    query = select(Share).where(Share.object_type == object_type, is_share_of_object(found.id))

    def render(call: Call, shares: Sequence[Share]) -> list[ShareAnswer]:
        users = load_recipients(call.session, [share.id for share in shares])
        links, stopped = get_visible_links(call, object_type, found.id), find_stopped_shares(call.session, shares)
        return [serialize_share(share, users[share.id], links, stopped) for share in shares]

    return paginate_by_cursor(call, query, Share.id, last_id, per_page, render)


@routes.get(SHARE_PATH)
def get_share(call: Call, object_type: str, object_id: UUID, share_id: UUID) -> ShareWithUsersAnswer:
    """Return one share with its recipients; with the link for everyone if the caller may share the object."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    users = load_recipients(call.session, [share.id])[share.id]
    stopped = find_stopped_shares(call.session, [share])
    return serialize_share_with_users(share, users, get_visible_links(call, object_type, found.id), stopped)


@routes.put(SHARE_PATH, replayable=False)
def put_share(call: Call, object_type: str, object_id: UUID, share_id: UUID, body: ShareBody) -> ShareAnswer:
    """Change the fields that were sent; takes effect at once for all guests of the share."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id, Permission.CHANGE_ACL)
    update_share(call.session, found, share, body.changes_of(share), call.actor)
    return serialize_share(share, load_recipients(call.session, [share.id])[share.id], ShareLinks(call))


@routes.delete(SHARE_PATH)
def delete_share(call: Call, object_type: str, object_id: UUID, share_id: UUID) -> None:
    """Revoke a share with its links, sign-ins and running downloads."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    require_share_owner(call.session, call.actor, share, found)
    revoke_share(call.session, found, share, call.actor)


@routes.get(SHARE_PATH + "users/")
def get_share_users(
    call: Call, object_type: str, object_id: UUID, share_id: UUID, per_page: PerPage = 50, last_id: LastId = None
) -> PageAnswer[ShareUserAnswer]:
    """List the recipients of a share."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    links = get_visible_links(call, object_type, found.id)

    def render(_call: Call, users: Sequence[ShareUser]) -> list[ShareUserAnswer]:
        return [serialize_share_user(user, share, links) for user in users]

    return paginate_by_cursor(
        call, select(ShareUser).where(ShareUser.share_id == share.id), ShareUser.id, last_id, per_page, render
    )


@routes.post(SHARE_PATH + "users/", needs_signing_key=True, replayable=False)
def post_share_user(
    call: Call, object_type: str, object_id: UUID, share_id: UUID, body: ShareUserBody
) -> ShareUserAnswer:
    """Add a recipient."""
    require_signing_key(call.context.outside.key)
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id, Permission.CHANGE_ACL)
    user = add_share_user(call.session, found, share, body.email, call.actor)
    shown = hand_out_links(call.session, call.context.outside, found, [user], call.actor, call.notify)
    return serialize_share_user(user, share, ShareLinks(call, shown))


@routes.patch(SHARE_PATH + "users/{share_user_id}/", replayable=False)
def patch_share_user(
    call: Call, object_type: str, object_id: UUID, share_id: UUID, share_user_id: UUID, body: ShareUserChangeBody
) -> ShareUserAnswer:
    """Set the name of a recipient, which history shows."""
    _, share = find_share(call.session, call.actor, object_type, object_id, share_id, Permission.CHANGE_ACL)
    user = update_share_user(
        call.session, find_share_user(call.session, share, share_user_id), body.first_name, body.last_name
    )
    return serialize_share_user(user, share, ShareLinks(call))


@routes.delete(SHARE_PATH + "users/{share_user_id}/")
def delete_share_user(call: Call, object_type: str, object_id: UUID, share_id: UUID, share_user_id: UUID) -> None:
    """Remove a recipient with its link, sign-ins and running downloads."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    require_share_owner(call.session, call.actor, share, found)
    remove_share_user(
        call.session, found, share, find_share_user(call.session, share, share_user_id, lock=True), call.actor
    )
