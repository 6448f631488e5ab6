"""Who may do what to an object, and the one definition of "readable by" that SQL and both search engines use."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, Text, Uuid, any_, exists, literal, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Id, Word, checked_text

OWN = uuid.UUID(int=0)
"""Stands in `inherited_from` where an entry is the object's own: a part of the primary key cannot be null."""


class Permission(Word):
    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    CHANGE_ACL = "change-acl"


ALL = tuple(permission.value for permission in Permission)


class PrincipalKind(Word):
    USER = "user"
    GROUP = "group"


class AclEntry(Base):
    """What a user or group may do to one object. Ids of users and groups never meet, so one column holds both."""

    __tablename__ = "acl_entry"
    __table_args__ = (
        CheckConstraint("permissions <@ ARRAY['read', 'write', 'delete', 'change-acl']", name="permissions"),
        Index(None, "principal_id", "object_type", "object_id"),
    )

    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    inherited_from: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text(f"'{OWN}'"))
    """The collection whose entry this is a copy of."""
    principal_kind: Mapped[PrincipalKind] = mapped_column(checked_text(PrincipalKind))
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class AclTemplate(Base):
    """A named set of rights. Its own entries (object type `acl_templates`) are what it gives to others."""

    __tablename__ = "acl_template"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    date_created: Mapped[datetime] = mapped_column(server_default=text("now()"))
    date_modified: Mapped[datetime] = mapped_column(server_default=text("now()"))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user with its groups, or a part of the system, which passes like administrators."""

    name: str
    user_id: uuid.UUID | None = None
    is_admin: bool = False
    group_ids: tuple[uuid.UUID, ...] = ()
    operation_id: uuid.UUID | None = None
    """Of the whole request, where the caller gave it a key to repeat itself with."""

    @property
    def principal_ids(self) -> list[uuid.UUID]:
        """Whom entries may name for this actor to have their rights."""
        return [*([self.user_id] if self.user_id else []), *self.group_ids]

    @property
    def principals(self) -> list[str]:
        """The same as search documents write them in `readers`."""
        return [*([f"user:{self.user_id}"] if self.user_id else []), *(f"group:{group}" for group in self.group_ids)]


def granted(
    object_type: str, key: ColumnElement[uuid.UUID], permission: Permission, principal_ids: ColumnElement[Any]
) -> ColumnElement[bool]:
    """SQL that is true where an entry gives one of these users and groups the permission on the object of `key`."""
    return exists().where(
        AclEntry.object_id == key,
        AclEntry.object_type == object_type,
        AclEntry.principal_id == any_(principal_ids),
        AclEntry.permissions.contains([permission.value]),
    )


def permitted(
    actor: Actor, object_type: str, key: ColumnElement[uuid.UUID], permission: Permission = Permission.READ
) -> ColumnElement[bool]:
    """SQL that is true where `actor` has `permission` on the object that `key` names: the union of user and groups."""
    if actor.is_admin:
        return true()
    return granted(object_type, key, permission, literal(actor.principal_ids, ARRAY(Uuid)))


def readable_by(actor: Actor, object_type: str, key: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """SQL that is true where `actor` may read the object that `key` names."""
    return permitted(actor, object_type, key, Permission.READ)
