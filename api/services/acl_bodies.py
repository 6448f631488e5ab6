"""Request types and serialisers of access control lists."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field

from api.rendering import stamp
from models.acl import ALL, OWN, AclEntry, PrincipalKind
from tasks.acls import Principal

Permissions = Annotated[list[str], Field(max_length=20)]
Propagates = Annotated[
    bool | None, Query(description="whether rights on a collection hold for what is inside; absent leaves it as it is")
]


def principals_of(user_ids: Sequence[UUID] | None, group_ids: Sequence[UUID] | None) -> list[Principal]:
    """Build the principals of users and groups, without duplicates."""
    users = [Principal(PrincipalKind.USER, identity) for identity in dict.fromkeys(user_ids or ())]
    return users + [Principal(PrincipalKind.GROUP, identity) for identity in dict.fromkeys(group_ids or ())]


def entry_base(entry: AclEntry) -> dict[str, Any]:
    """Serialise an entry in the list of its object; an inherited entry names the collection it comes from."""
    who = {f"{entry.principal_kind}_id": str(entry.principal_id), "permissions": in_order(entry)}
    if entry.inherited_from == OWN:
        return who
    return {**who, "object_type": "collections", "object_key": str(entry.inherited_from)}


def reaching_base(entry: AclEntry) -> dict[str, Any]:
    """Serialise an entry that propagates to the contents of the collection it names."""
    return {**entry_base(entry), "object_type": entry.object_type, "object_key": str(entry.object_id)}


def entry_body(entry: AclEntry) -> dict[str, Any]:
    """Serialise one entry on its own."""
    return {
        f"{entry.principal_kind}_id": str(entry.principal_id),
        "object_type": entry.object_type,
        "object_key": str(entry.object_id),
        "permissions": in_order(entry),
        "propagating": entry.propagates,
        "date_created": stamp(entry.date_created),
        "date_modified": stamp(entry.date_modified),
    }


def in_order(entry: AclEntry) -> list[str]:
    """Return the permissions of an entry in the order of `ALL`, independent of the database."""
    return [permission for permission in ALL if permission in entry.permissions]
