"""Access control list view of shares: each share grants `read` on its own object, and nothing else."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.bodies import Body
from api.call import Call
from api.pages import Page, PerPage, paged
from api.rendering import stamp
from api.routing import Service
from api.services.acl_bodies import Permissions
from models.acl import Permission
from models.share import Share
from tasks.acls import checked_permission, find_object
from tasks.refusals import Conflict, Invalid
from tasks.shares import find_share, of_object

routes = Service("acls")


class ShareAclBody(Body):
    permissions: Permissions


def share_acl_body(share: Share) -> dict[str, Any]:
    """Serialise the right of one share."""
    return {
        "share_id": str(share.id),
        "object_type": share.object_type,
        "object_key": str(share.object_id),
        "permissions": [Permission.READ.value],
        "date_created": stamp(share.date_created),
        "date_modified": stamp(share.date_modified),
    }


@routes.get("/shares/{object_type}/{object_key}/")
def get_share_acls(
    call: Call, object_type: str, object_key: UUID, page: Page = 1, per_page: PerPage = 50
) -> dict[str, Any]:
    """List the shares of an object."""
    object_id = find_object(call.session, call.actor, object_type, str(object_key))
    query = select(Share).where(Share.object_type == object_type, of_object(object_id)).order_by(Share.id)
    return paged(call, query, page, per_page, lambda shares: [share_acl_body(share) for share in shares])


@routes.put("/shares/{share_id}/acl/{object_type}/{object_key}/")
def put_share_acl(call: Call, share_id: UUID, object_type: str, object_key: UUID, body: ShareAclBody) -> dict[str, Any]:
    """Confirm that a share may read its object; it can get no other permission and no other object."""
    wanted = {checked_permission(permission) for permission in body.permissions}
    if wanted != {Permission.READ}:
        raise Invalid("permissions", "a share may read its object; what else it allows are its allow_… keys")
    found, share = find_share(call.session, call.actor, object_type, object_key, share_id, Permission.CHANGE_ACL)
    if share.object_id not in (found.id, object_key):
        raise Conflict(f"the share {share_id} is of another object")
    return share_acl_body(share)
