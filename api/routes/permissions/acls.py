"""Access control lists of objects: read, check, and grant or revoke in bulk."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.routes.permissions.answers import (
    AccessCheckAnswer,
    AclAnswer,
    AclGrantAnswer,
    ObjectAclEntryAnswer,
    OwnPermissionsAnswer,
)
from api.routes.permissions.bodies import (
    PermissionList,
    PropagatingParam,
    build_principals,
    serialize_object_entry,
    serialize_propagating_entry,
)
from asgi.answers import EmptyAnswer, JobIdAnswer
from asgi.body_base import Body, KeyText
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import COLLECTION_MEMBER_TYPES, NOT_INHERITED, AclEntry, Permission, PrincipalKind
from services.access.permissions import (
    COLLECTION_ACL_KIND,
    acl_entries_of,
    effective_permissions,
    find_acl_object,
    get_acl_kind,
    grant_permissions,
    parse_permission,
    permitted_ids,
    resolve_object_id,
    revoke_permissions,
)
from services.catalog.collections.permissions import propagating_entries, request_content_permissions
from services.core.errors import NotFound, PermissionDenied, ValidationFailed, require_known

routes = RouteGroup("acls")
ACL_CHANGE_PERMISSIONS = (Permission.READ, Permission.CHANGE_ACL)
ObjectKeys = Annotated[list[KeyText], Field(fail_fast=True, max_length=500)]
MAX_GRANTED_ENTRIES = 10_000
PrincipalIds = Annotated[list[UUID], Field(fail_fast=True, max_length=500)]


class GrantMode(StrEnum):
    APPEND = "APPEND"
    OVERWRITE = "OVERWRITE"


class ObjectKeysBody(Body):
    object_keys: ObjectKeys | None = None


class AclGrantBody(Body):
    object_keys: ObjectKeys
    permissions: PermissionList
    user_ids: PrincipalIds | None = None
    group_ids: PrincipalIds | None = None
    mode: GrantMode = GrantMode.APPEND


class TypedAclGrantBody(AclGrantBody):
    object_type: KeyText | None = None


class AclBulkBody(Body):
    objects: Annotated[list[TypedAclGrantBody], Field(fail_fast=True, max_length=100)]


class AclRevokeBody(Body):
    object_keys: ObjectKeys | None = None
    user_ids: PrincipalIds | None = None
    group_ids: PrincipalIds | None = None


class AclContentRevokeBody(Body):
    include_assets: bool
    include_collections: bool
    object_ids: PrincipalIds | None = None
    user_ids: PrincipalIds | None = None
    group_ids: PrincipalIds | None = None


class AclContentGrantBody(AclContentRevokeBody):
    permissions: PermissionList
    mode: GrantMode = GrantMode.APPEND


class AclCheckBody(Body):
    object_keys: ObjectKeys
    object_type: KeyText
    permissions: PermissionList


class AclBulkCheckBody(Body):
    objects: Annotated[list[AclCheckBody], Field(fail_fast=True, max_length=500)]


@routes.get("/acl/{object_type}/{object_key}/")
def get_acl(call: Call, object_type: str, object_key: str) -> AclAnswer:
    """Return the access control list of an object that the caller reads.

    Propagating entries name the collection that grants them: the object itself, or one that contains it. Inherited
    entries were copied from a collection.
    """
    object_id = find_acl_object(call.session, call.actor, object_type, object_key)
    entries = acl_entries_of(call.session, object_type, object_id)
    own = [entry for entry in entries if entry.inherited_from == NOT_INHERITED]
    inherited = [entry for entry in entries if entry.inherited_from != NOT_INHERITED]
    reaching = (
        propagating_entries(call.session, call.actor, object_type, object_id)
        if object_type in COLLECTION_MEMBER_TYPES
        else ()
    )
    return {
        "users_acl": serialize_entries_of_kind(own, PrincipalKind.USER),
        "groups_acl": serialize_entries_of_kind(own, PrincipalKind.GROUP),
        "inherited_users_acl": serialize_entries_of_kind(inherited, PrincipalKind.USER),
        "inherited_groups_acl": serialize_entries_of_kind(inherited, PrincipalKind.GROUP),
        "propagating_users_acl": serialize_entries_of_kind(reaching, PrincipalKind.USER, serialize_propagating_entry),
        "propagating_groups_acl": serialize_entries_of_kind(reaching, PrincipalKind.GROUP, serialize_propagating_entry),
    }


def serialize_entries_of_kind(
    entries: Sequence[AclEntry],
    kind: PrincipalKind,
    render: Callable[[AclEntry], ObjectAclEntryAnswer] = serialize_object_entry,
) -> list[ObjectAclEntryAnswer]:
    """Serialise the entries for users, or those for groups."""
    return [render(entry) for entry in entries if entry.principal_kind == kind]


@routes.get("/acl/{object_type}/{object_key}/permissions/")
def get_permissions(call: Call, object_type: str, object_key: str) -> OwnPermissionsAnswer:
    """Return the caller's permissions on an object."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key)
    return {"permissions": effective_permissions(call.session, call.actor, object_type, object_id)}


@routes.get("/acl/{object_type}/{object_key}/{permission}/", never_gives=(404,))
def get_permission(call: Call, object_type: str, object_key: str, permission: str) -> EmptyAnswer:
    """Return 200 if the caller has the permission; 403 if not, and also if the object does not exist."""
    wanted = parse_permission(permission)
    get_acl_kind(object_type)
    refusal = PermissionDenied(
        f"the caller has no {wanted} permission on {object_key[:80]} of {object_type}, if it exists"
    )
    try:
        object_id = resolve_object_id(call.session, object_type, object_key)
    except NotFound:
        raise refusal from None
    if wanted not in effective_permissions(call.session, call.actor, object_type, object_id):
        raise refusal
    return {}


@routes.post("/acl/", status=200, browsers=True)
def post_questions(call: Call, body: AclBulkCheckBody) -> AccessCheckAnswer:
    """Check on which of several objects the caller has all requested permissions."""
    granted: list[str] = []
    denied: list[str] = []
    for question in body.objects:
        yes, no = split_by_access(call, question.object_type, question.object_keys, question.permissions)
        granted += yes
        denied += no
    return {"access_granted": granted, "access_denied": denied}


def split_by_access(
    call: Call, object_type: str, keys: Sequence[str], permissions: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Split keys into objects on which the caller has all permissions, and others, including unknown ones."""
    wanted = [parse_permission(permission) for permission in permissions]
    held = permitted_ids(call.session, call.actor, object_type, keys, wanted)
    each = list(dict.fromkeys(keys))
    return [key for key in each if key in held], [key for key in each if key not in held]


@routes.post("/acl/{object_type}/{permission}/", status=200, browsers=True, never_gives=(404,))
def post_question(call: Call, object_type: str, permission: str, body: ObjectKeysBody) -> AccessCheckAnswer:
    """Check on which of several objects the caller has one permission."""
    yes, no = split_by_access(call, object_type, body.object_keys or [], [permission])
    return {"access_granted": yes, "access_denied": no}


@routes.put("/acl/{object_type}/")
def put_acl(call: Call, object_type: str, body: AclGrantBody, propagating: PropagatingParam = None) -> AclGrantAnswer:
    """Grant rights on objects to users and groups; objects that the caller may not change are skipped."""
    require_grant_size([body])
    return {"updated_object_keys": grant_where_permitted(call, object_type, body, propagating)}


@routes.put("/acl/{object_type}/bulk/")
def put_acls(
    call: Call, object_type: str, body: AclBulkBody, propagating: PropagatingParam = None
) -> list[AclGrantAnswer]:
    """Make several grants at once, with one result each; a grant may name its own object type."""
    require_grant_size(body.objects)
    return [
        {"updated_object_keys": grant_where_permitted(call, one.object_type or object_type, one, propagating)}
        for one in body.objects
    ]


def require_grant_size(grants: Sequence[AclGrantBody]) -> None:
    """Reject grants that make more entries than one transaction should."""
    entries = sum(len(one.object_keys) * (len(one.user_ids or ()) + len(one.group_ids or ())) for one in grants)
    if entries > MAX_GRANTED_ENTRIES:
        raise ValidationFailed(
            "object_keys", f"at most {MAX_GRANTED_ENTRIES:,} pairs of object and user or group, not {entries:,}"
        )


def grant_where_permitted(call: Call, object_type: str, body: AclGrantBody, propagates: bool | None) -> list[str]:
    """Grant rights on the objects that the caller may change, and return their keys."""
    changeable = permitted_ids(call.session, call.actor, object_type, body.object_keys, ACL_CHANGE_PERMISSIONS)
    principals = build_principals(body.user_ids, body.group_ids)
    adds = body.mode == GrantMode.APPEND
    ids = set(changeable.values())
    grant_permissions(
        call.session, object_type, ids, principals, body.permissions, call.actor, adds=adds, propagates=propagates
    )
    return list(changeable)


@routes.delete("/acl/{object_type}/")
def delete_acl(call: Call, object_type: str, body: AclRevokeBody) -> None:
    """Revoke all rights of users and groups on the objects that the caller may change."""
    changeable = permitted_ids(call.session, call.actor, object_type, body.object_keys or [], ACL_CHANGE_PERMISSIONS)
    principals = build_principals(body.user_ids, body.group_ids)
    revoke_permissions(call.session, object_type, set(changeable.values()), principals, call.actor)


@routes.put("/acl/{object_type}/content/", status=202)
def put_content_acl(call: Call, object_type: str, body: AclContentGrantBody) -> JobIdAnswer:
    """Start a job that grants rights on the contents of collections, as far as the caller may."""
    adds = body.mode == GrantMode.APPEND
    return start_content_acl_job(call, object_type, body, {"permissions": body.permissions, "adds": adds})


@routes.delete("/acl/{object_type}/content/", status=200)
def delete_content_acl(call: Call, object_type: str, body: AclContentRevokeBody) -> JobIdAnswer:
    """Start a job that revokes rights on the contents of collections, as far as the caller may."""
    return start_content_acl_job(call, object_type, body, {})


def start_content_acl_job(
    call: Call, object_type: str, body: AclContentRevokeBody, rights: dict[str, Any]
) -> JobIdAnswer:
    """Create the job that changes rights on the contents of collections, and return its id."""
    require_known("object_type", object_type, (COLLECTION_ACL_KIND,), "has no content")
    kinds = ["collections"] * body.include_collections + ["assets"] * body.include_assets
    principals = build_principals(body.user_ids, body.group_ids)
    job = request_content_permissions(call.session, body.object_ids or [], kinds, principals, rights, call.actor)
    return call.start_job(job)
