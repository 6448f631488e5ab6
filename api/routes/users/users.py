"""Users: every user sees all users, to share with them; administrators create and change them."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, PrivateAttr
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.routes.users.answers import UserAnswer, UserRolesAnswer
from asgi.answers import PageAnswer
from asgi.body_base import Body, ShortText
from asgi.pagination import (
    PageNumber,
    PerPage,
    SortParam,
    apply_sort,
    filter_by_values,
    paginate,
    query_columns,
)
from asgi.rendering import format_datetime
from asgi.request_context import Call, SelfCommittingCall
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.user import Membership, User, UserStatus, UserType
from services.access.login_throttle import OLD_PASSWORD_LIMIT, count_attempt
from services.access.users import (
    add_member,
    create_user,
    delete_user,
    find_user,
    groups_by_user,
    update_user,
)
from services.core.errors import ValidationFailed
from services.core.passwords import MAX_PASSWORD_LENGTH, hash_password, verify_password

routes = RouteGroup("users")
USER_QUERY_COLUMNS = query_columns(
    User.id,
    User.email,
    User.first_name,
    User.last_name,
    User.status,
    User.is_admin,
    User.type,
    User.date_created,
    User.date_modified,
)


PersonName = Annotated[str, Field(max_length=1_000)]


class UserBody(Body):
    """Writable fields of a user; the password is hashed before the transaction."""

    email: ShortText | None = None
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    type: UserType | None = None
    status: UserStatus | None = None
    is_admin: bool | None = None
    email_notifications: bool | None = None
    password: Annotated[str, Field(max_length=MAX_PASSWORD_LENGTH)] | None = None
    old_password: Annotated[str, Field(max_length=MAX_PASSWORD_LENGTH)] | None = None
    groups: Annotated[list[UUID], Field(fail_fast=True, max_length=1_000)] | None = None
    _password_hash: str | None = PrivateAttr(default=None)

    def is_slow(self) -> bool:
        return bool(self.password)

    def prepare(self) -> None:
        self._password_hash = hash_password(self.password or "")

    def changes(self) -> dict[str, Any]:
        """Return the columns to set."""
        sent = super().changes()
        for name in ("groups", "old_password"):
            sent.pop(name, None)
        if sent.pop("password", None):
            sent["password_hash"] = self._password_hash
        return sent


def serialize_user_row(user: User, groups: Sequence[UUID], *, separated: bool = False) -> UserAnswer:
    """Serialise a user, without its password."""
    ids = [str(group) for group in groups]
    body: UserAnswer = {
        "id": str(user.id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "type": user.type,
        "status": user.status,
        "is_admin": user.is_admin,
        "email_notifications": user.email_notifications,
        "groups": ids,
        "primary_group": ids[0] if ids else None,
        "photo": None,
        "last_web_login": format_datetime(user.last_web_login),
        "date_created": format_datetime(user.date_created),
        "date_modified": format_datetime(user.date_modified),
    }
    if separated:
        body["teams"], body["role_groups"] = ids, []
    return body


def serialize_user(call: Call, user: User, *, separated: bool = False) -> UserAnswer:
    """Serialise a user with its groups."""
    return serialize_user_row(user, groups_by_user(call.session, [user.id])[user.id], separated=separated)


def serialize_users(call: Call, users: Sequence[User]) -> list[UserAnswer]:
    """Serialise users with their groups, in one query."""
    groups = groups_by_user(call.session, [user.id for user in users])
    return [serialize_user_row(user, groups[user.id]) for user in users]


@routes.get("/users/current/")
def get_current_user(call: Call) -> UserAnswer:
    """Return the caller's own user."""
    assert call.actor.user_id is not None
    return serialize_user(call, find_user(call.session, call.actor.user_id))


@routes.get("/users/current/roles/")
def get_current_roles(call: Call) -> UserRolesAnswer:
    """List the caller's roles."""
    return {"objects": ["admin"] if call.actor.is_admin else []}


@routes.get("/users/")
def get_users(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    query: str = "",
    ids: str = "",
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    status: str = "",
    is_admin: str = "",
    groups: str = "",
) -> PageAnswer[UserAnswer]:
    """List the users; deleted ones only where `status` requests them."""
    wanted = {"id": ids, "email": email, "first_name": first_name, "last_name": last_name, "is_admin": is_admin}
    found = filter_by_values(select(User), USER_QUERY_COLUMNS, {**wanted, "status": status})
    if not status:
        found = found.where(User.status != UserStatus.DELETED)
    if query:
        texts = (User.email, User.first_name, User.last_name)
        found = found.where(or_(*(column.icontains(query, autoescape=True) for column in texts)))
    if groups:
        members = filter_by_values(select(Membership.user_id), {"groups": Membership.group_id}, {"groups": groups})
        found = found.where(User.id.in_(members))
    return paginate(
        call,
        apply_sort(found, sort, USER_QUERY_COLUMNS, User.id),
        page,
        per_page,
        serialize_users,
    )


@routes.get("/users/{user_id}/")
def get_user(call: Call, user_id: UUID) -> UserAnswer:
    """Return one user."""
    return serialize_user(call, find_user(call.session, user_id), separated=True)


@routes.post("/users/")
def post_user(call: Call, body: UserBody) -> UserAnswer:
    """Create a user, optionally in groups."""
    if body.email is None:
        raise ValidationFailed("email", "a user needs an e-mail")
    user = create_user(call.session, User(**body.changes()), call.actor)
    for group_id in dict.fromkeys(body.groups or ()):
        add_member(call.session, group_id, user.id, call.actor)
    return serialize_user(call, user)


@routes.patch("/users/current/", own_transactions=True, never_gives=(404,))
def patch_current_user(call: SelfCommittingCall, body: UserBody) -> UserAnswer:
    """Change the caller's name or wish for mails, or its password with the one before as `old_password`."""
    user_id = call.actor.user_id
    assert user_id is not None
    if body.password:
        # Committed before the slow check, so that parallel guesses with a stolen token cannot pass the limit.
        call.transact(lambda session: count_attempt(session, f"password:{user_id}", OLD_PASSWORD_LIMIT))
        kept = call.transact(lambda session: find_user(session, user_id).password_hash)
        if not verify_password(body.old_password or "", kept):
            raise ValidationFailed("old_password", "is not the password that you sign in with now")
        body.prepare()

    def change(session: Session) -> UserAnswer:
        user = update_user(session, user_id, body.changes(), call.actor)
        return serialize_user_row(user, groups_by_user(session, [user.id])[user.id])

    return call.transact(change)


@routes.put("/users/{user_id}/", SharedEndpoint("put_user", "Change the fields that were sent of a user."))
@routes.patch("/users/{user_id}/")
def patch_user(call: Call, user_id: UUID, body: UserBody) -> UserAnswer:
    """Change the fields that were sent of a user; groups are changed by their own routes."""
    if body.password and user_id == call.actor.user_id:
        raise ValidationFailed("password", "change your own by PATCH users/current/, with old_password")
    return serialize_user(call, update_user(call.session, user_id, body.changes(), call.actor))


@routes.delete("/users/{user_id}/")
def delete_one_user(call: Call, user_id: UUID) -> None:
    """Delete a user, who can no longer sign in."""
    delete_user(call.session, user_id, call.actor)
