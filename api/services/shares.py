"""Shares of an object: create, read, change and revoke, with their recipients."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.call import Answer, Call
from api.pages import LastId, PerPage, cursored
from api.routing import Service
from api.services.share_bodies import (
    Links,
    NewShareBody,
    ShareBody,
    ShareUserBody,
    ShareUserChangeBody,
    share_body,
    share_user_body,
    whole_share_body,
)
from models.acl import Permission
from models.share import Share, ShareUser
from tasks.objects import find_object
from tasks.server_key import require_key
from tasks.share_mail import send_links
from tasks.share_users import add_user, change_user, find_user, remove_user, users_of
from tasks.shares import (
    change_share,
    create_share,
    find_share,
    is_maker,
    may_share,
    of_object,
    require_maker,
    revoke_share,
    sees_links,
)

routes = Service("assets")
OF_OBJECT = "/{object_type}/{object_id}/shares/"
OF_SHARE = OF_OBJECT + "{share_id}/"


def links_for(call: Call, share: Share, object_id: UUID) -> Links | None:
    """Return the link builder if the caller may see the links of the share, else None."""
    return Links(call) if sees_links(call.session, call.actor, share, object_id) else None


@routes.post(OF_OBJECT, status=202, unsupported=True, keeps=False)
def post_share(call: Call, object_type: str, object_id: UUID, body: NewShareBody) -> Answer:
    """Share by e-mail; each recipient gets its own link, mailed if a mail server is configured."""
    require_key(call.context.outside.key)
    share = create_share(call.session, call.actor, object_type, object_id, body.new_share(body.emails))
    users = users_of(call.session, [share.id])[share.id]
    send_links(call.session, call.context.outside, users, call.actor, call.ring)
    return Answer(202, whole_share_body(share, users, Links(call)))


@routes.post(OF_OBJECT + "url/", status=200, unsupported=True, keeps=False)
def post_share_url(call: Call, object_type: str, object_id: UUID, body: ShareBody) -> dict[str, Any]:
    """Share by one public link."""
    require_key(call.context.outside.key)
    share = create_share(call.session, call.actor, object_type, object_id, body.new_share(has_url=True))
    return share_body(share, users_of(call.session, [share.id])[share.id], Links(call))


@routes.get(OF_OBJECT)
def get_shares_of_object(
    call: Call, object_type: str, object_id: UUID, per_page: PerPage = 50, last_id: LastId = None
) -> dict[str, Any]:
    """List the shares of an object, including expired ones, without revoked ones."""
    found = find_object(call.session, call.actor, object_type, object_id)
    query = select(Share).where(Share.object_type == object_type, of_object(found.id))

    def render(shares: Sequence[Share]) -> list[dict[str, Any]]:
        users = users_of(call.session, [share.id for share in shares])
        links, sees_all = Links(call), may_share(call.session, call.actor, object_type, found.id)
        return [
            share_body(share, users[share.id], links if sees_all or is_maker(call.actor, share) else None)
            for share in shares
        ]

    return cursored(call, query, Share.id, last_id, per_page, render)


@routes.get(OF_SHARE)
def get_share(call: Call, object_type: str, object_id: UUID, share_id: UUID) -> dict[str, Any]:
    """Return one share with its recipients; with links for its owner and callers who may share the object."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    users = users_of(call.session, [share.id])[share.id]
    return whole_share_body(share, users, links_for(call, share, found.id))


@routes.put(OF_SHARE, keeps=False)
def put_share(call: Call, object_type: str, object_id: UUID, share_id: UUID, body: ShareBody) -> dict[str, Any]:
    """Change the fields that were sent; takes effect at once for all guests of the share."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id, Permission.CHANGE_ACL)
    change_share(call.session, found, share, body.changes(share), call.actor)
    return share_body(share, users_of(call.session, [share.id])[share.id], Links(call))


@routes.delete(OF_SHARE)
def delete_share(call: Call, object_type: str, object_id: UUID, share_id: UUID) -> None:
    """Revoke a share with its links, sign-ins and running downloads."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    require_maker(call.session, call.actor, share, found)
    revoke_share(call.session, found, share, call.actor)


@routes.get(OF_SHARE + "users/")
def get_share_users(
    call: Call, object_type: str, object_id: UUID, share_id: UUID, per_page: PerPage = 50, last_id: LastId = None
) -> dict[str, Any]:
    """List the recipients of a share, with their links if the caller may see them."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    links = links_for(call, share, found.id)

    def render(users: Sequence[ShareUser]) -> list[dict[str, Any]]:
        return [share_user_body(user, share, links) for user in users]

    return cursored(
        call, select(ShareUser).where(ShareUser.share_id == share.id), ShareUser.id, last_id, per_page, render
    )


@routes.post(OF_SHARE + "users/", unsupported=True, keeps=False)
def post_share_user(
    call: Call, object_type: str, object_id: UUID, share_id: UUID, body: ShareUserBody
) -> dict[str, Any]:
    """Add a recipient."""
    require_key(call.context.outside.key)
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id, Permission.CHANGE_ACL)
    user = add_user(call.session, found, share, body.email, call.actor)
    send_links(call.session, call.context.outside, [user], call.actor, call.ring)
    return share_user_body(user, share, Links(call))


@routes.patch(OF_SHARE + "users/{share_user_id}/", keeps=False)
def patch_share_user(
    call: Call, object_type: str, object_id: UUID, share_id: UUID, share_user_id: UUID, body: ShareUserChangeBody
) -> dict[str, Any]:
    """Set the name of a recipient, which history shows."""
    _, share = find_share(call.session, call.actor, object_type, object_id, share_id, Permission.CHANGE_ACL)
    user = change_user(call.session, find_user(call.session, share, share_user_id), body.first_name, body.last_name)
    return share_user_body(user, share, Links(call))


@routes.delete(OF_SHARE + "users/{share_user_id}/", other=200)
def delete_share_user(call: Call, object_type: str, object_id: UUID, share_id: UUID, share_user_id: UUID) -> None:
    """Remove a recipient with its link, sign-ins and running downloads."""
    found, share = find_share(call.session, call.actor, object_type, object_id, share_id)
    require_maker(call.session, call.actor, share, found)
    remove_user(call.session, found, share, find_user(call.session, share, share_user_id, lock=True), call.actor)
