"""User groups and their members."""

from uuid import UUID

from sqlalchemy import select

from api.routes.users.answers import UserAnswer, UserGroupAnswer
from api.routes.users.users import serialize_user
from asgi.answers import PageAnswer
from asgi.body_base import Body, LongText, ShortText
from asgi.pagination import (
    PageNumber,
    PerPage,
    SortParam,
    apply_sort,
    filter_by_values,
    paginate,
    query_columns,
    serialize_each,
)
from asgi.rendering import format_datetime
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.user import GroupType, UserGroup
from services.access.users import add_member, create_group, delete_group, find_group, remove_member, update_group
from services.core.errors import ValidationFailed

routes = RouteGroup("users")
USER_GROUP_QUERY_COLUMNS = query_columns(
    UserGroup.id,
    UserGroup.name,
    UserGroup.alias,
    UserGroup.description,
    UserGroup.date_created,
    UserGroup.date_modified,
)


class UserGroupBody(Body):
    name: ShortText | None = None
    alias: ShortText | None = None
    description: LongText | None = None
    external_id: ShortText | None = None
    group_type: GroupType | None = None
    nullable = frozenset({"alias", "external_id"})


def serialize_user_group(group: UserGroup) -> UserGroupAnswer:
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
        "date_created": format_datetime(group.date_created),
        "date_modified": format_datetime(group.date_modified),
    }


@routes.get("/groups/")
def get_groups(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    query: str = "",
    ids: str = "",
    name: str = "",
    alias: str = "",
) -> PageAnswer[UserGroupAnswer]:
    """List the groups."""
    found = filter_by_values(select(UserGroup), USER_GROUP_QUERY_COLUMNS, {"id": ids, "name": name, "alias": alias})
    if query:
        found = found.where(UserGroup.name.icontains(query, autoescape=True))
    return paginate(
        call,
        apply_sort(found, sort, USER_GROUP_QUERY_COLUMNS, UserGroup.id),
        page,
        per_page,
        serialize_each(serialize_user_group),
    )


@routes.post("/groups/")
def post_group(call: Call, body: UserGroupBody) -> UserGroupAnswer:
    """Create a group."""
    fields = body.changes()
    if "name" not in fields:
        raise ValidationFailed("name", "a group needs a name")
    return serialize_user_group(create_group(call.session, fields.pop("name"), call.actor, **fields))


@routes.get("/groups/{group_id}/")
def get_group(call: Call, group_id: UUID) -> UserGroupAnswer:
    """Return one group."""
    return serialize_user_group(find_group(call.session, group_id))


@routes.patch("/groups/{group_id}/")
def patch_group(call: Call, group_id: UUID, body: UserGroupBody) -> UserGroupAnswer:
    """Change the fields that were sent of a group."""
    return serialize_user_group(update_group(call.session, group_id, body.changes(), call.actor))


@routes.delete("/groups/{group_id}/")
def delete_one_group(call: Call, group_id: UUID) -> None:
    """Delete a group with the rights that it gives, unless it is asked for approvals."""
    delete_group(call.session, group_id, call.actor)


@routes.post("/groups/{group_id}/users/{user_id}/")
def post_group_user(call: Call, group_id: UUID, user_id: UUID) -> UserAnswer:
    """Add a user to a group."""
    return serialize_user(call, add_member(call.session, group_id, user_id, call.actor))


@routes.delete("/groups/{group_id}/users/{user_id}/")
def delete_group_user(call: Call, group_id: UUID, user_id: UUID) -> None:
    """Remove a user from a group."""
    remove_member(call.session, group_id, user_id, call.actor)
