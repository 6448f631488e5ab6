"""Who may do what to an object, and the one definition of "readable by" that SQL and both search engines use.

Rights come in two ways: an entry on the object itself, or an entry on a collection that holds it, near or far above,
which propagates. The second way is looked up by the few collections whose entries propagate to the actor and by the
paths of collections, so nothing is written where rights of a collection or its place in the tree change.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    Text,
    Uuid,
    any_,
    exists,
    false,
    literal,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.base import Base, Created, Id, Word, checked_text
from models.collection import Collection, CollectionAsset, CollectionStatus

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
        Index("ix_acl_entry_propagating", "principal_id", "object_id", postgresql_where=text("propagates")),
    )

    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    inherited_from: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text(f"'{OWN}'"))
    """The collection whose entry this is a copy of."""
    principal_kind: Mapped[PrincipalKind] = mapped_column(checked_text(PrincipalKind))
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    propagates: Mapped[bool] = mapped_column(server_default=text("false"))
    """Of a collection: the same permissions hold for everything inside, as deep as it goes."""
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class AclTemplate(Base):
    """A named set of rights. Its own entries (object type `acl_templates`) are what it gives to others."""

    __tablename__ = "acl_template"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    date_created: Mapped[datetime] = mapped_column(server_default=text("now()"))
    date_modified: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Propagating(NamedTuple):
    """A collection whose entry for the actor reaches what it holds."""

    collection_id: uuid.UUID
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody outside, who came through a share: sees its object and does with it what the share allows."""

    share_id: uuid.UUID
    share_user_id: uuid.UUID
    email: str
    """To which the link was made out; empty where anybody holds it. What a guest says of itself does not stand here."""
    object_type: str
    object_id: uuid.UUID
    """Of the living object, where the shared one was merged away."""
    title: str
    """What the object was called when it was shared."""
    allows: frozenset[str]
    """Words of `models.share.ShareRight`."""
    format_ids: tuple[uuid.UUID, ...] | None
    """The formats that the share was made for; None where it follows the content of a collection."""
    metadata_views: tuple[uuid.UUID, ...] = ()
    is_merged: bool = False
    """The shared object lives on in another, of which the guest sees the formats alone."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user with its groups, somebody outside, or a part of the system, which passes like
    administrators."""

    name: str
    user_id: uuid.UUID | None = None
    is_admin: bool = False
    group_ids: tuple[uuid.UUID, ...] = ()
    propagating: tuple[Propagating, ...] = ()
    """Read with the actor, so that a request asks once; empty for nearly everybody."""
    operation_id: uuid.UUID | None = None
    """Of the whole request, where the caller gave it a key to repeat itself with."""
    guest: Guest | None = None

    @property
    def principal_ids(self) -> list[uuid.UUID]:
        """Whom entries may name for this actor to have their rights."""
        return [*([self.user_id] if self.user_id else []), *self.group_ids]

    @property
    def principals(self) -> list[str]:
        """The same as search documents write them in `readers`."""
        return [*([f"user:{self.user_id}"] if self.user_id else []), *(f"group:{group}" for group in self.group_ids)]

    def reaching(self, permission: Permission) -> list[uuid.UUID]:
        """The collections that give this permission on what they hold."""
        return [each.collection_id for each in self.propagating if permission.value in each.permissions]


HOLDER, HELD = aliased(Collection, name="holder"), aliased(CollectionAsset, name="held")
"""Under names of their own, or a query that reads collections itself would be asked about its own rows."""


def is_inside(object_type: str, key: ColumnElement[uuid.UUID], collections: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL that is true where rights that propagate from these collections reach the object of `key`; they reach the
    collections themselves.

    As EXISTS, because the planner may then look at one object by its own index, or at all of them by a hash: an IN read
    every asset inside for each single one (23 ms of 100,000, against 0.5).
    """
    if object_type == "collections":
        return exists().where(HOLDER.id == key, HOLDER.path.overlap(collections))
    return exists().where(
        HELD.asset_id == key,
        HELD.carries_rights,
        HOLDER.id == HELD.collection_id,
        HOLDER.status == CollectionStatus.ACTIVE,
        HOLDER.path.overlap(collections),
    )


HOLDABLE = frozenset({"assets", "collections"})
"""Types of objects that collections hold."""


def granted(
    object_type: str,
    key: ColumnElement[uuid.UUID],
    permission: Permission,
    principal_ids: ColumnElement[Any],
    collections: ColumnElement[Any] | None = None,
) -> ColumnElement[bool]:
    """SQL that is true where an entry gives one of these users and groups the permission on the object of `key`.

    `collections` are those that give it on what they hold; without any, the question is the plain one.
    """
    own = exists().where(
        AclEntry.object_id == key,
        AclEntry.object_type == object_type,
        AclEntry.principal_id == any_(principal_ids),
        AclEntry.permissions.contains([permission.value]),
    )
    if collections is None or object_type not in HOLDABLE:
        return own
    return own | is_inside(object_type, key, collections)


def permitted(
    actor: Actor, object_type: str, key: ColumnElement[uuid.UUID], permission: Permission = Permission.READ
) -> ColumnElement[bool]:
    """SQL that is true where `actor` has `permission` on the object that `key` names: the union of user and groups."""
    if actor.guest is not None:
        return opened_to(actor.guest, object_type, key) if permission == Permission.READ else false()
    if actor.is_admin:
        return true()
    reaching = actor.reaching(permission)
    collections = literal(reaching, ARRAY(Uuid)) if reaching else None
    return granted(object_type, key, permission, literal(actor.principal_ids, ARRAY(Uuid)), collections)


def opened_to(guest: Guest, object_type: str, key: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """SQL that is true where a share opens the object that `key` names: its own, or what its collection holds now."""
    if guest.object_type == "collections" and object_type in HOLDABLE:
        return is_inside(object_type, key, literal([guest.object_id], ARRAY(Uuid)))
    return key == guest.object_id if object_type == guest.object_type else false()


def opens_format(actor: Actor, key: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """SQL that is true where `actor` sees the format of an asset that it may read; a share opens only its own."""
    if actor.guest is None or actor.guest.format_ids is None:
        return true()
    return key == any_(literal(list(actor.guest.format_ids), ARRAY(Uuid)))


def readable_by(actor: Actor, object_type: str, key: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """SQL that is true where `actor` may read the object that `key` names."""
    return permitted(actor, object_type, key, Permission.READ)
