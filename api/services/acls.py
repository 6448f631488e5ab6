"""Access control lists of objects: read, check, and grant or revoke in bulk."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body
from api.call import Answer, Call
from api.routing import Service
from api.services.acl_bodies import Permissions, Propagates, entry_base, principals_of, reaching_base
from models.acl import HOLDABLE, OWN, AclEntry, Permission, PrincipalKind
from tasks.acls import (
    COLLECTIONS,
    checked_permission,
    entries_of,
    find_object,
    grant,
    kind_of,
    living_id,
    permissions_of,
    permitted_ids,
    revoke,
)
from tasks.collection_rights import kinds_of, reaching_entries, request_content_rights
from tasks.refusals import Denied, Invalid, Missing

routes = Service("acls")
CHANGE = (Permission.READ, Permission.CHANGE_ACL)
Keys = Annotated[list[str], Field(max_length=500)]
Ids = Annotated[list[UUID], Field(max_length=500)]


class Mode(StrEnum):
    APPEND = "APPEND"
    OVERWRITE = "OVERWRITE"


class KeysBody(Body):
    object_keys: Keys | None = None


class GrantBody(Body):
    object_keys: Keys
    permissions: Permissions
    user_ids: Ids | None = None
    group_ids: Ids | None = None
    mode: Mode = Mode.APPEND


class NamedGrantBody(GrantBody):
    object_type: str | None = None


class GrantsBody(Body):
    objects: Annotated[list[NamedGrantBody], Field(max_length=100)]


class RevokeBody(Body):
    object_keys: Keys | None = None
    user_ids: Ids | None = None
    group_ids: Ids | None = None


class ContentRevokeBody(Body):
    include_assets: bool
    include_collections: bool
    object_ids: Ids | None = None
    user_ids: Ids | None = None
    group_ids: Ids | None = None


class ContentGrantBody(ContentRevokeBody):
    permissions: Permissions
    mode: Mode = Mode.APPEND


class QuestionBody(Body):
    object_keys: Keys
    object_type: str
    permissions: Permissions


class QuestionsBody(Body):
    objects: Annotated[list[QuestionBody], Field(max_length=500)]


@routes.get("/acl/{object_type}/{object_key}/")
def get_acl(call: Call, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the access control list of an object that the caller reads.

    Propagating entries name the collection that grants them: the object itself, or one that contains it. Inherited
    entries were copied from a collection.
    """
    object_id = find_object(call.session, call.actor, object_type, object_key)
    entries = entries_of(call.session, object_type, object_id)
    own = [entry for entry in entries if entry.inherited_from == OWN]
    inherited = [entry for entry in entries if entry.inherited_from != OWN]
    reaching = reaching_entries(call.session, call.actor, object_type, object_id) if object_type in HOLDABLE else ()
    return {
        "users_acl": of_kind(own, PrincipalKind.USER),
        "groups_acl": of_kind(own, PrincipalKind.GROUP),
        "inherited_users_acl": of_kind(inherited, PrincipalKind.USER),
        "inherited_groups_acl": of_kind(inherited, PrincipalKind.GROUP),
        "propagating_users_acl": of_kind(reaching, PrincipalKind.USER, reaching_base),
        "propagating_groups_acl": of_kind(reaching, PrincipalKind.GROUP, reaching_base),
    }


def of_kind(
    entries: Sequence[AclEntry], kind: PrincipalKind, render: Callable[[AclEntry], dict[str, Any]] = entry_base
) -> list[dict[str, Any]]:
    """Serialise the entries for users, or those for groups."""
    return [render(entry) for entry in entries if entry.principal_kind == kind]


@routes.get("/acl/{object_type}/{object_key}/permissions/")
def get_permissions(call: Call, object_type: str, object_key: str) -> dict[str, Any]:
    """Return the caller's permissions on an object."""
    object_id = find_object(call.session, call.actor, object_type, object_key)
    return {"permissions": permissions_of(call.session, call.actor, object_type, object_id)}


@routes.get("/acl/{object_type}/{object_key}/{permission}/")
def get_permission(call: Call, object_type: str, object_key: str, permission: str) -> dict[str, Any]:
    """Return 200 if the caller has the permission; 403 if not, and also if the object does not exist."""
    wanted = checked_permission(permission)
    kind_of(object_type)
    try:
        object_id = living_id(call.session, object_type, object_key)
    except Missing:
        raise Denied("no") from None
    if wanted not in permissions_of(call.session, call.actor, object_type, object_id):
        raise Denied("no")
    return {}


@routes.post("/acl/", status=200)
def post_questions(call: Call, body: QuestionsBody) -> dict[str, Any]:
    """Check on which of several objects the caller has all requested permissions."""
    granted: list[str] = []
    denied: list[str] = []
    for question in body.objects:
        yes, no = split(call, question.object_type, question.object_keys, question.permissions)
        granted += yes
        denied += no
    return {"access_granted": granted, "access_denied": denied}


def split(call: Call, object_type: str, keys: Sequence[str], permissions: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split keys into objects on which the caller has all permissions, and others, including unknown ones."""
    wanted = [checked_permission(permission) for permission in permissions]
    held = permitted_ids(call.session, call.actor, object_type, keys, wanted)
    each = list(dict.fromkeys(keys))
    return [key for key in each if key in held], [key for key in each if key not in held]


@routes.post("/acl/{object_type}/{permission}/", status=200)
def post_question(call: Call, object_type: str, permission: str, body: KeysBody) -> dict[str, Any]:
    """Check on which of several objects the caller has one permission."""
    yes, no = split(call, object_type, body.object_keys or [], [permission])
    return {"access_granted": yes, "access_denied": no}


@routes.put("/acl/{object_type}/")
def put_acl(call: Call, object_type: str, body: GrantBody, propagating: Propagates = None) -> dict[str, Any]:
    """Grant rights on objects to users and groups; objects that the caller may not change are skipped."""
    return {"updated_object_keys": give(call, object_type, body, propagating)}


@routes.put("/acl/{object_type}/bulk/")
def put_acls(call: Call, object_type: str, body: GrantsBody, propagating: Propagates = None) -> list[dict[str, Any]]:
    """Make several grants at once, with one result each; a grant may name its own object type."""
    return [
        {"updated_object_keys": give(call, one.object_type or object_type, one, propagating)} for one in body.objects
    ]


def give(call: Call, object_type: str, body: GrantBody, propagates: bool | None) -> list[str]:
    """Grant rights on the objects that the caller may change, and return their keys."""
    changeable = permitted_ids(call.session, call.actor, object_type, body.object_keys, CHANGE)
    principals = principals_of(body.user_ids, body.group_ids)
    adds = body.mode == Mode.APPEND
    ids = set(changeable.values())
    grant(call.session, object_type, ids, principals, body.permissions, call.actor, adds=adds, propagates=propagates)
    return list(changeable)


@routes.delete("/acl/{object_type}/")
def delete_acl(call: Call, object_type: str, body: RevokeBody) -> None:
    """Revoke all rights of users and groups on the objects that the caller may change."""
    changeable = permitted_ids(call.session, call.actor, object_type, body.object_keys or [], CHANGE)
    principals = principals_of(body.user_ids, body.group_ids)
    revoke(call.session, object_type, set(changeable.values()), principals, call.actor)


@routes.put("/acl/{object_type}/content/", status=202)
def put_content_acl(call: Call, object_type: str, body: ContentGrantBody) -> Answer:
    """Start a job that grants rights on the contents of collections, as far as the caller may."""
    adds = body.mode == Mode.APPEND
    return Answer(202, start_job(call, object_type, body, {"permissions": body.permissions, "adds": adds}))


@routes.delete("/acl/{object_type}/content/", status=200)
def delete_content_acl(call: Call, object_type: str, body: ContentRevokeBody) -> dict[str, Any]:
    """Start a job that revokes rights on the contents of collections, as far as the caller may."""
    return start_job(call, object_type, body, {})


def start_job(call: Call, object_type: str, body: ContentRevokeBody, rights: dict[str, Any]) -> dict[str, Any]:
    """Create the job that changes rights on the contents of collections, and return its id."""
    if object_type != COLLECTIONS:
        raise Invalid("object_type", f'"{object_type[:80]}" has no content; known are {COLLECTIONS}')
    kinds = kinds_of(include_assets=body.include_assets, include_collections=body.include_collections)
    principals = principals_of(body.user_ids, body.group_ids)
    job = request_content_rights(call.session, body.object_ids or [], kinds, principals, rights, call.actor)
    call.ring(job.task or "", [job.id])
    return {"job_id": str(job.id)}
