"""Responses about access control lists, templates and shares by ACL."""

from typing import Annotated, NotRequired

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from asgi.answers import DateText, IdText
from models.access.acl import ALL_PERMISSIONS

PermissionText = Annotated[str, WithJsonSchema({"type": "string", "enum": list(ALL_PERMISSIONS)})]


class AclTemplateAnswer(TypedDict):
    """A named set of rights."""

    id: IdText
    name: str
    date_created: DateText
    date_modified: DateText


class ObjectAclEntryAnswer(TypedDict):
    """Rights of one user or group in the list of an object."""

    user_id: NotRequired[IdText]
    group_id: NotRequired[IdText]
    permissions: list[PermissionText]
    object_type: NotRequired[str]
    object_key: NotRequired[str]


class AclEntryAnswer(ObjectAclEntryAnswer):
    """Rights of one user or group on one object."""

    propagating: bool
    date_created: DateText
    date_modified: DateText


class AclAnswer(TypedDict):
    """The access control list of an object, by where the rights come from."""

    users_acl: list[ObjectAclEntryAnswer]
    groups_acl: list[ObjectAclEntryAnswer]
    inherited_users_acl: list[ObjectAclEntryAnswer]
    inherited_groups_acl: list[ObjectAclEntryAnswer]
    propagating_users_acl: list[ObjectAclEntryAnswer]
    propagating_groups_acl: list[ObjectAclEntryAnswer]


class OwnPermissionsAnswer(TypedDict):
    """The caller's permissions on an object."""

    permissions: list[PermissionText]


class AccessCheckAnswer(TypedDict):
    """Keys of the objects on which the caller has the permissions, and of the others."""

    access_granted: list[str]
    access_denied: list[str]


class AclGrantAnswer(TypedDict):
    """Keys of the objects whose rights were changed."""

    updated_object_keys: list[str]


class ShareAclAnswer(TypedDict):
    """The right of a share on its object."""

    share_id: IdText
    object_type: str
    object_key: IdText
    permissions: list[PermissionText]
    date_created: DateText
    date_modified: DateText
