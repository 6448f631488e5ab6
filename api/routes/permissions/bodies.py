"""Request types and serialisers of access control lists."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from api.routes.permissions.answers import AclEntryAnswer, ObjectAclEntryAnswer
from asgi.body_base import KeyText
from asgi.rendering import format_datetime
from models.access.acl import ALL_PERMISSIONS, NOT_INHERITED, AclEntry, PrincipalKind
from services.access.permissions import Principal

PermissionList = Annotated[list[KeyText], Field(fail_fast=True, max_length=20)]
PropagatingParam = Annotated[bool | None, Query()]


def build_principals(user_ids: Sequence[UUID] | None, group_ids: Sequence[UUID] | None) -> list[Principal]:
    """Build the principals of users and groups, without duplicates."""
    users = [Principal(PrincipalKind.USER, identity) for identity in dict.fromkeys(user_ids or ())]
    return users + [Principal(PrincipalKind.GROUP, identity) for identity in dict.fromkeys(group_ids or ())]


def serialize_object_entry(entry: AclEntry) -> ObjectAclEntryAnswer:
    """Serialise an entry in the list of its object; an inherited entry names the collection it comes from."""
    body = name_principal(entry.principal_kind, entry.principal_id, sort_permissions(entry))
    if entry.inherited_from != NOT_INHERITED:
        body["object_type"], body["object_key"] = "collections", str(entry.inherited_from)
    return body


def serialize_propagating_entry(entry: AclEntry) -> ObjectAclEntryAnswer:
    """Serialise an entry that propagates to the contents of the collection it names."""
    return {**serialize_object_entry(entry), "object_type": entry.object_type, "object_key": str(entry.object_id)}


def serialize_acl_entry(entry: AclEntry) -> AclEntryAnswer:
    """Serialise one entry on its own."""
    return {
        **name_principal(entry.principal_kind, entry.principal_id, sort_permissions(entry)),
        "object_type": entry.object_type,
        "object_key": str(entry.object_id),
        "propagating": entry.propagates,
        "date_created": format_datetime(entry.date_created),
        "date_modified": format_datetime(entry.date_modified),
    }


def name_principal(kind: PrincipalKind, principal_id: UUID, permissions: list[str]) -> ObjectAclEntryAnswer:
    """Return the rights of a user or of a group."""
    if kind == PrincipalKind.USER:
        return {"user_id": str(principal_id), "permissions": permissions}
    return {"group_id": str(principal_id), "permissions": permissions}


def sort_permissions(entry: AclEntry) -> list[str]:
    """Return the permissions of an entry in the order of `ALL`, independent of the database."""
    return [permission for permission in ALL_PERMISSIONS if permission in entry.permissions]
