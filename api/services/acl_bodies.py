"""Rights as clients send and read them."""

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
    """Users and groups, each once."""
    users = [Principal(PrincipalKind.USER, identity) for identity in dict.fromkeys(user_ids or ())]
    return users + [Principal(PrincipalKind.GROUP, identity) for identity in dict.fromkeys(group_ids or ())]


def entry_base(entry: AclEntry) -> dict[str, Any]:
    """One entry in the list of an object; an inherited one names the collection that it comes from."""
    who = {f"{entry.principal_kind}_id": str(entry.principal_id), "permissions": in_order(entry)}
    if entry.inherited_from == OWN:
        return who
    return {**who, "object_type": "collections", "object_key": str(entry.inherited_from)}


def reaching_base(entry: AclEntry) -> dict[str, Any]:
    """An entry that holds for what is inside the collection that it names."""
    return {**entry_base(entry), "object_type": entry.object_type, "object_key": str(entry.object_id)}


def entry_body(entry: AclEntry) -> dict[str, Any]:
    """One entry by itself."""
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
    """The permissions as people say them, whatever order the database keeps."""
    return [permission for permission in ALL if permission in entry.permissions]
