"""Rights of one user or group on one object; an internal share is such an entry with `read`."""

from typing import Any
from uuid import UUID

from api.bodies import Body
from api.call import Answer, Call
from api.routing import Service
from api.services.acl_bodies import Permissions, Propagates, entry_body
from models.acl import Permission, PrincipalKind
from tasks.acls import Principal, find_entry, find_object, grant, names_of, revoke
from tasks.refusals import Missing

routes = Service("acls")


class EntryBody(Body):
    permissions: Permissions | None = None


@routes.get("/users/{user_id}/acl/{object_type}/{object_key}/")
def get_user_entry(call: Call, user_id: UUID, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the rights of a user, without those of its groups."""
    return read(call, Principal(PrincipalKind.USER, user_id), object_type, object_key)


@routes.put("/users/{user_id}/acl/{object_type}/{object_key}/", other=201)
def put_user_entry(
    call: Call,
    user_id: UUID,
    object_type: str,
    object_key: str,
    body: EntryBody,
    propagating: Propagates = None,
) -> Answer:
    """Set the rights of a user."""
    return write(call, Principal(PrincipalKind.USER, user_id), object_type, object_key, body, propagating)


@routes.delete("/users/{user_id}/acl/{object_type}/{object_key}/")
def delete_user_entry(call: Call, user_id: UUID, object_type: str, object_key: str) -> None:
    """Remove all rights of a user."""
    remove(call, Principal(PrincipalKind.USER, user_id), object_type, object_key)


@routes.get("/groups/{group_id}/acl/{object_type}/{object_key}/")
def get_group_entry(call: Call, group_id: UUID, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the rights of a group."""
    return read(call, Principal(PrincipalKind.GROUP, group_id), object_type, object_key)


@routes.put("/groups/{group_id}/acl/{object_type}/{object_key}/", other=201)
def put_group_entry(
    call: Call,
    group_id: UUID,
    object_type: str,
    object_key: str,
    body: EntryBody,
    propagating: Propagates = None,
) -> Answer:
    """Set the rights of a group."""
    return write(call, Principal(PrincipalKind.GROUP, group_id), object_type, object_key, body, propagating)


@routes.delete("/groups/{group_id}/acl/{object_type}/{object_key}/")
def delete_group_entry(call: Call, group_id: UUID, object_type: str, object_key: str) -> None:
    """Remove all rights of a group."""
    remove(call, Principal(PrincipalKind.GROUP, group_id), object_type, object_key)


def read(call: Call, principal: Principal, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the entry of a user or group; the caller must be able to read the object."""
    object_id = find_object(call.session, call.actor, object_type, object_key)
    entry = find_entry(call.session, object_type, object_id, principal)
    if entry is None:
        raise Missing("access", f"of {principal.kind} {principal.id} to {object_type} {object_key}")
    return entry_body(entry)


def write(
    call: Call, principal: Principal, object_type: str, object_key: str, body: EntryBody, propagates: bool | None
) -> Answer:
    """Set the entry: 201 if it is new, 200 if it existed."""
    object_id = find_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    names_of(call.session, [principal])
    before = find_entry(call.session, object_type, object_id, principal)
    given = body.permissions or ()
    grant(call.session, object_type, [object_id], [principal], given, call.actor, propagates=propagates)
    # `grant` writes in bulk, past the identity map: read the entry again from the database.
    call.session.expire_all()
    entry = find_entry(call.session, object_type, object_id, principal)
    if entry is None:
        return Answer(200, {f"{principal.kind}_id": str(principal.id), "permissions": []})
    return Answer(200 if before else 201, entry_body(entry))


def remove(call: Call, principal: Principal, object_type: str, object_key: str) -> None:
    """Remove the entry of a user or group."""
    object_id = find_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    if not revoke(call.session, object_type, [object_id], [principal], call.actor):
        raise Missing("access", f"of {principal.kind} {principal.id} to {object_type} {object_key}")
