"""Manage groups of users. Permissions are granted to a group once instead of to each of its users."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.user import Membership, User, UserGroup
from models.core.base import new_id
from models.core.statements import execute_dml
from services.access.users import find_user
from services.core.actors import require_administrator
from services.core.errors import NotFound, ValidationFailed, require_found
from services.core.rows import apply_changes, load, record_audit, save_audited


def create_group(session: Session, name: str, actor: Actor, **fields: Any) -> UserGroup:
    """Create a group; names are unique."""
    require_administrator(actor, "make groups")
    group = UserGroup(id=new_id(), name=_validate_group_name(session, name), **fields)
    return save_audited(session, group, "groups", group.id, f'group "{group.name}" was made', actor)


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
    groups: dict[uuid.UUID, list[uuid.UUID]] = {user_id: [] for user_id in user_ids}
    rows = session.execute(
        select(Membership.user_id, Membership.group_id)
        .where(Membership.user_id.in_(user_ids))
        .order_by(Membership.group_id)
    )
    for user_id, group_id in rows:
        groups[user_id].append(group_id)
    return groups
