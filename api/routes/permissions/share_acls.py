"""Access control list view of shares: each share grants `read` on its own object, and nothing else."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.routes.permissions.bodies import PermissionList
from asgi.body_base import Body
from asgi.pagination import PageNumber, PerPage, paginate, serialize_each
from asgi.rendering import format_datetime
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission
from models.access.share import Share
from services.access.permissions import find_acl_object, parse_permission
from services.core.errors import Conflict, ValidationFailed
from services.shares.shares import find_share, is_share_of_object

routes = RouteGroup("acls")


class ShareAclBody(Body):
    permissions: PermissionList


def serialize_share_acl(share: Share) -> dict[str, Any]:
    """Serialise the right of one share."""
    return {
        "share_id": str(share.id),
        "object_type": share.object_type,
        "object_key": str(share.object_id),
        "permissions": [Permission.READ.value],
        "date_created": format_datetime(share.date_created),
        "date_modified": format_datetime(share.date_modified),
    }


@routes.get("/shares/{object_type}/{object_key}/")
def get_share_acls(
    call: Call, object_type: str, object_key: UUID, page: PageNumber = 1, per_page: PerPage = 50
) -> dict[str, Any]:
    """List the shares of an object."""
    object_id = find_acl_object(call.session, call.actor, object_type, str(object_key))
    query = select(Share).where(Share.object_type == object_type, is_share_of_object(object_id)).order_by(Share.id)
    return paginate(call, query, page, per_page, serialize_each(serialize_share_acl))


@routes.put("/shares/{share_id}/acl/{object_type}/{object_key}/")
def put_share_acl(call: Call, share_id: UUID, object_type: str, object_key: UUID, body: ShareAclBody) -> dict[str, Any]:
    """Confirm that a share may read its object; it can get no other permission and no other object."""
    wanted = {parse_permission(permission) for permission in body.permissions}
    if wanted != {Permission.READ}:
        raise ValidationFailed("permissions", "a share may read its object; what else it allows are its allow_… keys")
    found, share = find_share(call.session, call.actor, object_type, object_key, share_id, Permission.CHANGE_ACL)
    if share.object_id not in (found.id, object_key):
        raise Conflict(f"the share {share_id} is of another object")
    return serialize_share_acl(share)
