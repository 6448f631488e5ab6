"""Manage users and groups of users: create, change, delete and look up.

Changes need an administrator; everyone may look up. Permissions are granted to a group once instead of to each of its
users.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import any_, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor, PrincipalKind
from models.access.user import Membership, Token, User, UserGroup, UserStatus
from models.catalog.approval import Approval
from models.core.base import new_id
from models.core.statements import execute_dml
from services.core.actors import EMAIL_PATTERN, SETUP_ACTOR
from services.core.audit_log import record_audit
from services.core.errors import (
    Conflict,
    NotFound,
    PermissionDenied,
    ValidationFailed,
    require_administrator,
    require_found,
)
from services.core.passwords import generate_password, hash_password
from services.core.rows import apply_changes, load, load_grouped, save_audited
from services.core.text import pluralize

DEFAULT_ADMINISTRATOR_EMAIL = "admin@localhost"


def create_user(session: Session, user: User, actor: Actor) -> User:
    """Create a user; e-mails are unique, ignoring case. Its password is hashed before the transaction, since hashing is
    slow on purpose."""
    require_administrator(actor, "make users")
    user.id, user.email = new_id(), validate_user_email(session, user.email)
    told = f'user "{user.email}" was created{" as administrator" if user.is_admin else ""}'
    return save_audited(session, user, "users", user.id, told, actor)


def validate_user_email(session: Session, email: str, besides: uuid.UUID | None = None) -> str:
    """Return the normalised e-mail; ValidationFailed if it is malformed or belongs to another user."""
    email = email.strip()
    if not EMAIL_PATTERN.fullmatch(email):
        raise ValidationFailed("email", f'"{email[:80]}" is not an e-mail address')
    query = select(User.id).where(func.lower(User.email) == email.lower())
    if session.scalar(query.where(User.id != besides) if besides else query):
        raise ValidationFailed("email", f'a user with the e-mail "{email}" exists already')
    return email


def find_user(session: Session, user_id: uuid.UUID, *, lock: bool = False) -> User:
    """Return a user who was not deleted."""
    user = session.get(User, user_id, with_for_update=lock or None)
    return require_found(user if user and user.status != UserStatus.DELETED else None, "user", user_id)


def find_user_by_email(session: Session, email: str) -> User:
    """Return a user who was not deleted, by e-mail, ignoring case."""
    user = session.scalar(
        select(User).where(func.lower(User.email) == email.lower(), User.status != UserStatus.DELETED)
    )
    return require_found(user, "user", email)


SELF_EDITABLE_FIELDS = frozenset({"first_name", "last_name", "password_hash", "email_notifications"})


def update_user(session: Session, user_id: uuid.UUID, changes: dict[str, Any], actor: Actor) -> User:
    """Update a user; users may change their own name and password, administrators everything."""
    user = find_user(session, user_id, lock=True)
    changes = {name: value for name, value in changes.items() if getattr(user, name) != value}
    if not actor.is_admin and (actor.user_id != user_id or not changes.keys() <= SELF_EDITABLE_FIELDS):
        raise PermissionDenied(
            "only administrators may change other users, and the e-mail, type, status and rights of any user"
        )
    if "email" in changes:
        changes["email"] = validate_user_email(session, changes["email"], besides=user_id)
    if not changes:
        return user
    was_administrator = user.is_admin and user.status == UserStatus.ACTIVE
    apply_changes(user, changes)
    session.flush()
    if was_administrator:
        _require_an_administrator(session)
    if user.status != UserStatus.ACTIVE or "password_hash" in changes:
        _revoke_tokens(session, user_id)
    shown = ", ".join(sorted("password" if name == "password_hash" else name for name in changes))
    return save_audited(session, user, "users", user_id, f'user "{user.email}": changed {shown}', actor)


def delete_user(session: Session, user_id: uuid.UUID, actor: Actor) -> None:
    """Delete a user for good; the row remains, because history refers to it."""
    require_administrator(actor, "delete users")
    user = find_user(session, user_id, lock=True)
    user.status = UserStatus.DELETED
    user.password_hash = None
    email, user.email = user.email, f"deleted+{user.id}@localhost"
    session.flush()
    _require_an_administrator(session)
    _revoke_tokens(session, user_id)
    session.execute(delete(Membership).where(Membership.user_id == user_id))
    record_audit(session, "users", user_id, f'user "{email}" was deleted', actor)


def _revoke_tokens(session: Session, user_id: uuid.UUID) -> None:
    session.execute(delete(Token).where(Token.user_id == user_id))


def _require_an_administrator(session: Session) -> None:
    """Raise Conflict if no active administrator is left: no one could create another."""
    if not session.scalar(select(exists().where(User.is_admin, User.status == UserStatus.ACTIVE))):
        raise Conflict("this is the last administrator; make another one first")


def first_administrator_id(session: Session) -> uuid.UUID | None:
    """Return the default owner of new objects; None before the first start created one."""
    administrators = select(User.id).where(User.is_admin, User.status == UserStatus.ACTIVE)
    return session.scalar(administrators.order_by(User.id).limit(1))


def ensure_administrator(session: Session) -> tuple[str, str | None]:
    """Create the first administrator if there is none.

    Returns:
        The e-mail and, if one was created, its password, to be shown once.
    """
    # Several processes start at once: the lock makes one of them create the administrator, the others find it.
    session.execute(select(func.pg_advisory_xact_lock(7_411_036)))
    found = first_administrator_id(session)
    if found is not None:
        return session.get_one(User, found).email, None
    password = generate_password()
    new = User(
        email=DEFAULT_ADMINISTRATOR_EMAIL,
        password_hash=hash_password(password),
        is_admin=True,
        first_name="Administrator",
    )
    return create_user(session, new, SETUP_ACTOR).email, password


def create_group(session: Session, name: str, actor: Actor, **fields: Any) -> UserGroup:
    """Create a group; names are unique."""
    require_administrator(actor, "make groups")
    group = UserGroup(id=new_id(), name=_validate_group_name(session, name), **fields)
    return save_audited(session, group, "groups", group.id, f'group "{group.name}" was created', actor)


def _validate_group_name(session: Session, name: str, besides: uuid.UUID | None = None) -> str:
    if not name.strip():
        raise ValidationFailed("name", "a group needs a name")
    query = select(UserGroup.id).where(UserGroup.name == name.strip())
    if session.scalar(query.where(UserGroup.id != besides) if besides else query):
        raise ValidationFailed("name", f'a group named "{name.strip()}" exists already')
    return name.strip()


def find_group(session: Session, group_id: uuid.UUID) -> UserGroup:
    """Return a group by id."""
    return load(session, UserGroup, group_id, "group")


def find_group_by_name(session: Session, name: str) -> UserGroup:
    """Return a group by name."""
    return require_found(session.scalar(select(UserGroup).where(UserGroup.name == name)), "group", f'"{name}"')


def update_group(session: Session, group_id: uuid.UUID, changes: dict[str, Any], actor: Actor) -> UserGroup:
    """Update a group."""
    require_administrator(actor, "change groups")
    group = find_group(session, group_id)
    if "name" in changes:
        changes["name"] = _validate_group_name(session, changes["name"], besides=group_id)
    changes = apply_changes(group, changes)
    if changes:
        told = f'group "{group.name}": changed {", ".join(sorted(changes))}'
        save_audited(session, group, "groups", group_id, told, actor)
    return group


def delete_group(session: Session, group_id: uuid.UUID, actor: Actor) -> None:
    """Delete a group with the rights that it gives.

    Raises:
        Conflict: it is asked for approvals, whose status would change.
    """
    require_administrator(actor, "delete groups")
    group = find_group(session, group_id)
    asked = session.scalar(select(func.count()).select_from(Approval).where(any_(Approval.groups) == group_id)) or 0
    if asked:
        raise Conflict(
            f'group "{group.name}" is asked for {pluralize(asked, "approval")}; withdraw them, or ask others, first'
        )
    # mark_acl_entry_delete marks the objects that it gave rights on.
    rights = (AclEntry.principal_kind == PrincipalKind.GROUP, AclEntry.principal_id == group_id)
    session.execute(delete(AclEntry).where(*rights))
    session.delete(group)
    record_audit(session, "groups", group_id, f'group "{group.name}" was deleted', actor)
    session.flush()


def add_member(session: Session, group_id: uuid.UUID, user_id: uuid.UUID, actor: Actor) -> User:
    """Add a user to a group; adding a member again changes nothing."""
    require_administrator(actor, "change groups")
    group, user = find_group(session, group_id), find_user(session, user_id)
    joined = insert(Membership).values(group_id=group_id, user_id=user_id).on_conflict_do_nothing()
    added = session.scalar(joined.returning(Membership.user_id))
    if added:
        record_audit(session, "groups", group_id, f'group "{group.name}": "{user.email}" joined', actor)
    return user


def remove_member(session: Session, group_id: uuid.UUID, user_id: uuid.UUID, actor: Actor) -> None:
    """Remove a user from a group."""
    require_administrator(actor, "change groups")
    group, user = find_group(session, group_id), find_user(session, user_id)
    gone = execute_dml(
        session, delete(Membership).where(Membership.group_id == group_id, Membership.user_id == user_id)
    )
    if not gone:
        raise NotFound("member", f'"{user.email}" of group "{group.name}"')
    record_audit(session, "groups", group_id, f'group "{group.name}": "{user.email}" left', actor)


def groups_by_user(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Load the groups of many users in one query."""
    query = select(Membership.user_id, Membership.group_id).where(Membership.user_id.in_(user_ids))
    return load_grouped(session, query.order_by(Membership.group_id), user_ids)
