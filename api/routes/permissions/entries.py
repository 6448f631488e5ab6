"""Rights of one user or group on one object; an internal share is such an entry with `read`."""

from typing import Any
from uuid import UUID

from api.routes.permissions.bodies import PermissionList, PropagatingParam, serialize_acl_entry
from asgi.body_base import Body
from asgi.request_context import Call, StatusResponse
from asgi.routing import RouteGroup
from models.access.acl import Permission, PrincipalKind
from services.access.permissions import (
    Principal,
    find_acl_entry,
    find_acl_object,
    grant_permissions,
    principal_names,
    revoke_permissions,
)
from services.core.errors import NotFound

routes = RouteGroup("acls")


class AclEntryBody(Body):
    permissions: PermissionList | None = None


@routes.get("/users/{user_id}/acl/{object_type}/{object_key}/")
def get_user_entry(call: Call, user_id: UUID, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the rights of a user, without those of its groups."""
    return read_acl_entry(call, Principal(PrincipalKind.USER, user_id), object_type, object_key)


@routes.put("/users/{user_id}/acl/{object_type}/{object_key}/", other=201)
def put_user_entry(
    call: Call,
    user_id: UUID,
    object_type: str,
    object_key: str,
    body: AclEntryBody,
    propagating: PropagatingParam = None,
) -> StatusResponse:
    """Set the rights of a user."""
    return write_acl_entry(call, Principal(PrincipalKind.USER, user_id), object_type, object_key, body, propagating)


@routes.delete("/users/{user_id}/acl/{object_type}/{object_key}/")
def delete_user_entry(call: Call, user_id: UUID, object_type: str, object_key: str) -> None:
    """Remove all rights of a user."""
    remove_acl_entry(call, Principal(PrincipalKind.USER, user_id), object_type, object_key)


@routes.get("/groups/{group_id}/acl/{object_type}/{object_key}/")
def get_group_entry(call: Call, group_id: UUID, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the rights of a group."""
    return read_acl_entry(call, Principal(PrincipalKind.GROUP, group_id), object_type, object_key)


@routes.put("/groups/{group_id}/acl/{object_type}/{object_key}/", other=201)
def put_group_entry(
    call: Call,
    group_id: UUID,
    object_type: str,
    object_key: str,
    body: AclEntryBody,
    propagating: PropagatingParam = None,
) -> StatusResponse:
    """Set the rights of a group."""
    return write_acl_entry(call, Principal(PrincipalKind.GROUP, group_id), object_type, object_key, body, propagating)


@routes.delete("/groups/{group_id}/acl/{object_type}/{object_key}/")
def delete_group_entry(call: Call, group_id: UUID, object_type: str, object_key: str) -> None:
    """Remove all rights of a group."""
    remove_acl_entry(call, Principal(PrincipalKind.GROUP, group_id), object_type, object_key)


def read_acl_entry(call: Call, principal: Principal, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the entry of a user or group; the caller must be able to read the object."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key)
    entry = find_acl_entry(call.session, object_type, object_id, principal)
    if entry is None:
        raise NotFound("access", f"of {principal.kind} {principal.id} to {object_type} {object_key}")
    return serialize_acl_entry(entry)


def write_acl_entry(
    call: Call, principal: Principal, object_type: str, object_key: str, body: AclEntryBody, propagates: bool | None
) -> StatusResponse:
    """Set the entry: 201 if it is new, 200 if it existed."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    principal_names(call.session, [principal])
    before = find_acl_entry(call.session, object_type, object_id, principal)
    given = body.permissions or ()
    grant_permissions(call.session, object_type, [object_id], [principal], given, call.actor, propagates=propagates)
    # `grant` writes in bulk, past the identity map: read the entry again from the database.
    call.session.expire_all()
    entry = find_acl_entry(call.session, object_type, object_id, principal)
    if entry is None:
        return StatusResponse(200, {f"{principal.kind}_id": str(principal.id), "permissions": []})
    return StatusResponse(200 if before else 201, serialize_acl_entry(entry))


def remove_acl_entry(call: Call, principal: Principal, object_type: str, object_key: str) -> None:
    """Remove the entry of a user or group."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    if not revoke_permissions(call.session, object_type, [object_id], [principal], call.actor):
        raise NotFound("access", f"of {principal.kind} {principal.id} to {object_type} {object_key}")
