"""Responses about users, groups, tokens, apps and the audit log."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText
from models.access.user import GroupType, UserStatus, UserType


class UserAnswer(TypedDict):
    """A user, without its password."""

    id: IdText
    email: str
    first_name: str
    last_name: str
    type: UserType
    status: UserStatus
    is_admin: bool
    email_notifications: bool
    groups: list[IdText]
    primary_group: IdText | None
    photo: None
    last_web_login: DateText | None
    date_created: DateText
    date_modified: DateText
    teams: NotRequired[list[IdText]]
    role_groups: NotRequired[list[IdText]]


class UserGroupAnswer(TypedDict):
    """A group of users."""

    id: IdText
    name: str
    alias: str | None
    description: str
    external_id: str | None
    group_type: GroupType
    roles: list[str]
    logo: None
    date_created: DateText
    date_modified: DateText


class UserRolesAnswer(TypedDict):
    """The caller's roles."""

    objects: list[Literal["admin"]]


class TokenAnswer(TypedDict):
    """A token. Its secret is in the response that creates it; later it is empty."""

    id: IdText
    token: str
    app_id: IdText
    user_id: IdText
    made_by: IdText | None
    is_sign_in: bool
    expires: DateText | None
    last_used: DateText | None
    date_created: DateText
    date_modified: DateText


class AppAnswer(TypedDict):
    """An app that acts in the name of its user."""

    id: IdText
    name: str
    description: str
    default_user_id: IdText
    date_created: DateText
    date_modified: DateText


class AuditEntryAnswer(TypedDict):
    """A change of configuration, and who made it."""

    id: IdText
    date_created: DateText
    actor: str
    user_id: IdText | None
    object_type: str
    object_id: str
    description: str
