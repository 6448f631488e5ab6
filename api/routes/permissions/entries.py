"""Rights of one user, group or share on one object.

An internal share is an entry of a user with `read`; an external share grants `read` on its own object alone.
"""

from uuid import UUID

from sqlalchemy import select

from api.routes.permissions.answers import AclEntryAnswer, ObjectAclEntryAnswer, ShareAclAnswer
from api.routes.permissions.bodies import PermissionList, PropagatingParam, name_principal, serialize_acl_entry
from asgi.answers import PageAnswer, StatusResponse
from asgi.body_base import Body
from asgi.pagination import PageNumber, PerPage, paginate, serialize_each
from asgi.rendering import format_datetime
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import Permission, PrincipalKind
from models.access.share import Share
from services.access.permissions import (
    Principal,
    find_acl_entry,
    find_acl_object,
    grant_permissions,
    parse_permission,
    principal_names,
    revoke_permissions,
)
from services.core.errors import Conflict, NotFound, ValidationFailed, require_found
from services.shares.shares import find_share, is_share_of_object

routes = RouteGroup("acls")
ENTRY_PATH = "acl/{object_type}/{object_key}/"
USER_ENTRY_PATH, GROUP_ENTRY_PATH = f"/users/{{user_id}}/{ENTRY_PATH}", f"/groups/{{group_id}}/{ENTRY_PATH}"


class AclEntryBody(Body):
    permissions: PermissionList | None = None


def of_user(name: str, text: str) -> SharedEndpoint:
    """Return the operation on the entry of a user."""
    return SharedEndpoint(name, text, {"kind": PrincipalKind.USER}, {"principal_id": "user_id"})


def of_group(name: str, text: str) -> SharedEndpoint:
    """Return the operation on the entry of a group."""
    return SharedEndpoint(name, text, {"kind": PrincipalKind.GROUP}, {"principal_id": "group_id"})


@routes.get(USER_ENTRY_PATH, of_user("get_user_entry", "Return the rights of a user, without those of its groups."))
@routes.get(GROUP_ENTRY_PATH, of_group("get_group_entry", "Return the rights of a group."))
def get_entry(call: Call, principal_id: UUID, object_type: str, object_key: str, kind: PrincipalKind) -> AclEntryAnswer:
    """Return the entry of a user or group; the caller must be able to read the object."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key)
    entry = find_acl_entry(call.session, object_type, object_id, Principal(kind, principal_id))
    what = f"of {kind} {principal_id} to {object_type} {object_key}"
    return serialize_acl_entry(require_found(entry, "access", what))


@routes.put(USER_ENTRY_PATH, of_user("put_user_entry", "Set the rights of a user."), other=201)
@routes.put(GROUP_ENTRY_PATH, of_group("put_group_entry", "Set the rights of a group."), other=201)
def put_entry(
    call: Call,
    principal_id: UUID,
    object_type: str,
    object_key: str,
    kind: PrincipalKind,
    body: AclEntryBody,
    propagating: PropagatingParam = None,
) -> StatusResponse[AclEntryAnswer | ObjectAclEntryAnswer]:
    """Set the entry: 201 if it is new, 200 if it existed."""
    principal = Principal(kind, principal_id)
    object_id = find_acl_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    principal_names(call.session, [principal])
    before = find_acl_entry(call.session, object_type, object_id, principal)
    given = body.permissions or ()
    grant_permissions(call.session, object_type, [object_id], [principal], given, call.actor, propagates=propagating)
    # `grant` writes in bulk, past the identity map: read the entry again from the database.
    call.session.expire_all()
    entry = find_acl_entry(call.session, object_type, object_id, principal)
    if entry is None:
        return StatusResponse(200, name_principal(kind, principal_id, []))
    return StatusResponse(200 if before else 201, serialize_acl_entry(entry))


@routes.delete(USER_ENTRY_PATH, of_user("delete_user_entry", "Remove all rights of a user."))
@routes.delete(GROUP_ENTRY_PATH, of_group("delete_group_entry", "Remove all rights of a group."))
def delete_entry(call: Call, principal_id: UUID, object_type: str, object_key: str, kind: PrincipalKind) -> None:
    """Remove the entry of a user or group."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    if not revoke_permissions(call.session, object_type, [object_id], [Principal(kind, principal_id)], call.actor):
        raise NotFound("access", f"of {kind} {principal_id} to {object_type} {object_key}")


class ShareAclBody(Body):
    permissions: PermissionList


def serialize_share_acl(share: Share) -> ShareAclAnswer:
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
) -> PageAnswer[ShareAclAnswer]:
    """List the shares of an object."""
    object_id = find_acl_object(call.session, call.actor, object_type, str(object_key))
    query = select(Share).where(Share.object_type == object_type, is_share_of_object(object_id)).order_by(Share.id)
    return paginate(call, query, page, per_page, serialize_each(serialize_share_acl))


@routes.put("/shares/{share_id}/acl/{object_type}/{object_key}/", is_constant=True)
def put_share_acl(call: Call, share_id: UUID, object_type: str, object_key: UUID, body: ShareAclBody) -> ShareAclAnswer:
    """Confirm that a share may read its object; it can get no other permission and no other object."""
    wanted = {parse_permission(permission) for permission in body.permissions}
    if wanted != {Permission.READ}:
        raise ValidationFailed("permissions", "a share may read its object; what else it allows are its allow_… keys")
    found, share = find_share(call.session, call.actor, object_type, object_key, share_id, Permission.CHANGE_ACL)
    if share.object_id not in (found.id, object_key):
        raise Conflict(f"the share {share_id} is of another object")
    return serialize_share_acl(share)
