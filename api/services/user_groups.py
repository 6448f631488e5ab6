"""User groups and their members."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.bodies import Body, Name, Text
from api.call import Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.rendering import stamp
from api.routing import Service
from api.services.users import one
from models.user import GroupType, UserGroup
from tasks.refusals import Invalid
from tasks.user_groups import add_member, change_group, create_group, find_group, remove_member

routes = Service("users")
COLUMNS = {
    "id": UserGroup.id,
    "name": UserGroup.name,
    "alias": UserGroup.alias,
    "description": UserGroup.description,
    "date_created": UserGroup.date_created,
    "date_modified": UserGroup.date_modified,
}


class GroupBody(Body):
    name: Name | None = None
    alias: Name | None = None
    description: Text | None = None
    external_id: Name | None = None
    group_type: GroupType | None = None

    def changes(self) -> dict[str, Any]:
        """Return the columns to set; only alias and external id may be null."""
        nullable = ("alias", "external_id")
        return {name: value for name, value in self.sent().items() if value is not None or name in nullable}


def group_body(group: UserGroup) -> dict[str, Any]:
    """Serialise a group; groups grant rights on objects, never roles."""
    return {
        "id": str(group.id),
        "name": group.name,
        "alias": group.alias,
        "description": group.description,
        "external_id": group.external_id,
        "group_type": group.group_type,
        "roles": [],
        "logo": None,
        "date_created": stamp(group.date_created),
        "date_modified": stamp(group.date_modified),
    }


def many(groups: Sequence[UserGroup]) -> list[dict[str, Any]]:
    """Serialise groups."""
    return [group_body(group) for group in groups]


@routes.get("/groups/")
def get_groups(
    call: Call,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    query: str = "",
    ids: str = "",
    name: str = "",
    alias: str = "",
) -> dict[str, Any]:
    """List the groups."""
    found = matching(select(UserGroup), COLUMNS, {"id": ids, "name": name, "alias": alias})
    if query:
        found = found.where(UserGroup.name.icontains(query, autoescape=True))
    return paged(call, ordered(found, sort, COLUMNS, UserGroup.id), page, per_page, many)


@routes.post("/groups/")
def post_group(call: Call, body: GroupBody) -> dict[str, Any]:
    """Create a group."""
    fields = body.changes()
    if "name" not in fields:
        raise Invalid("name", "a group needs a name")
    return group_body(create_group(call.session, fields.pop("name"), call.actor, **fields))


@routes.get("/groups/{group_id}/")
def get_group(call: Call, group_id: UUID) -> dict[str, Any]:
    """Return one group."""
    return group_body(find_group(call.session, group_id))


@routes.patch("/groups/{group_id}/")
def patch_group(call: Call, group_id: UUID, body: GroupBody) -> dict[str, Any]:
    """Change the fields that were sent of a group."""
    return group_body(change_group(call.session, group_id, body.changes(), call.actor))


@routes.post("/groups/{group_id}/users/{user_id}/")
def post_group_user(call: Call, group_id: UUID, user_id: UUID) -> dict[str, Any]:
    """Add a user to a group."""
    return one(call, add_member(call.session, group_id, user_id, call.actor))


@routes.delete("/groups/{group_id}/users/{user_id}/")
def delete_group_user(call: Call, group_id: UUID, user_id: UUID) -> None:
    """Remove a user from a group."""
    remove_member(call.session, group_id, user_id, call.actor)
