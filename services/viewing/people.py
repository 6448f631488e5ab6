"""Users, groups, tokens and the audit log as pages list them."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.audit_log import AuditEntry
from models.access.user import App, Membership, Token, User, UserGroup, UserStatus
from models.core.statements import AnyRow, AnySelect, count_rows, in_array
from services.viewing.paging import ListPage

MAX_PEOPLE_PER_PAGE, MAX_LISTED_GROUPS, MAX_LISTED_TOKENS, MAX_AUDIT_PER_PAGE = 50, 200, 200, 100


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of users with the names of their groups."""

    users: Sequence[User]
    groups: dict[uuid.UUID, list[str]]
    part: ListPage


def list_people(session: Session, words: str, number: int) -> PeoplePage:
    """Return users who were not deleted, by e-mail; with words, those whose name or e-mail holds them."""
    query = select(User).where(User.status != UserStatus.DELETED)
    if words:
        texts = (User.email, User.first_name, User.last_name)
        query = query.where(or_(*(column.icontains(words, autoescape=True) for column in texts)))
    part = ListPage.of(number, count_rows(session, query), MAX_PEOPLE_PER_PAGE)
    users = session.scalars(part.cut(query.order_by(User.email, User.id), MAX_PEOPLE_PER_PAGE)).all()
    named = select(Membership.user_id, UserGroup.name).join(UserGroup, UserGroup.id == Membership.group_id)
    groups: dict[uuid.UUID, list[str]] = defaultdict(list)
    ids = [user.id for user in users]
    for row in session.execute(named.where(in_array(Membership.user_id, ids)).order_by(UserGroup.name)):
        groups[row[0]].append(row[1])
    return PeoplePage(users, groups, part)


def list_group_sizes(session: Session) -> Sequence[AnyRow]:
    """Return groups by name, each with the number of its members."""
    members = select(func.count()).where(Membership.group_id == UserGroup.id).scalar_subquery()
    query = select(UserGroup.id, UserGroup.name, members.label("members")).order_by(UserGroup.name)
    return session.execute(query.limit(MAX_LISTED_GROUPS)).all()


def list_members(session: Session, group_id: uuid.UUID) -> Sequence[User]:
    """Return the members of a group by e-mail."""
    query = select(User).join(Membership, Membership.user_id == User.id).where(Membership.group_id == group_id)
    return session.scalars(query.order_by(User.email).limit(MAX_LISTED_GROUPS)).all()


def list_own_tokens(session: Session, actor: Actor) -> Sequence[tuple[Token, str]]:
    """Return the tokens of a user with the names of their apps, the newest first."""
    query = select(Token, App.name).join(App, App.id == Token.app_id).where(Token.user_id == actor.user_id)
    rows = session.execute(query.order_by(Token.id.desc()).limit(MAX_LISTED_TOKENS))
    return [(row[0], row[1]) for row in rows]


def list_audit_entries(session: Session, query: AnySelect, number: int) -> tuple[Sequence[AuditEntry], ListPage]:
    """Return a page of a query of the audit log, the newest entries first."""
    part = ListPage.of(number, count_rows(session, query), MAX_AUDIT_PER_PAGE)
    newest = query.order_by(None).order_by(AuditEntry.id.desc())
    return session.scalars(part.cut(newest, MAX_AUDIT_PER_PAGE)).all(), part


def list_audited_types(session: Session) -> Sequence[str]:
    """Return the types of objects that the audit log names."""
    return session.scalars(select(AuditEntry.object_type).distinct().order_by(AuditEntry.object_type)).all()
