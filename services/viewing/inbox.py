"""Approvals that wait for a user, and those that a user asked of others."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    Subquery,
    Text,
    and_,
    any_,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from models.access.acl import Actor, Permission, has_permission, readable_by
from models.access.user import User
from models.catalog.approval import Approval, ApprovalStatus, ApprovalVote
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus
from models.core.statements import AnyRow, count_rows
from services.viewing.paging import ListPage

MAX_WAITING_PER_PAGE, MAX_SHOWN_REQUESTS = 25, 50
OPEN_STATUSES = (ApprovalStatus.REQUESTED, ApprovalStatus.MIXED)
RequestCondition = Callable[[str, SQLColumnExpression[uuid.UUID]], ColumnElement[bool]]
"""A condition on requests for objects of a kind, by the column of their id."""


@dataclass(frozen=True, slots=True)
class ApprovalInbox:
    """A page of the approvals that wait for a user: kind, id, title, time, status and who asked; and those it asked."""

    waiting: Sequence[AnyRow]
    part: ListPage
    asked: Sequence[AnyRow]


def load_approval_inbox(session: Session, actor: Actor, number: int) -> ApprovalInbox:
    """Load what waits for the actor's vote, the oldest request first."""
    waiting = _select_requests(actor, _waits_for(actor))
    part = ListPage.of(number, count_rows(session, select(waiting.c.id)), MAX_WAITING_PER_PAGE)
    rows = select(waiting).order_by(waiting.c.request_date, waiting.c.id)
    asked = _select_requests(actor, lambda _kind, _key: Approval.requested_by == actor.user_id)
    own = select(asked).order_by(asked.c.request_date.desc(), asked.c.id).limit(MAX_SHOWN_REQUESTS)
    return ApprovalInbox(session.execute(part.cut(rows, MAX_WAITING_PER_PAGE)).all(), part, session.execute(own).all())


def _select_requests(actor: Actor, which: RequestCondition) -> Subquery:
    """Return the open requests for assets and collections that the actor reads."""
    requester = aliased(User)
    name = func.coalesce(
        func.nullif(func.trim(requester.first_name + " " + requester.last_name), ""), requester.email, ""
    )
    found = [
        select(
            literal(kind).label("kind"),
            table.id,
            table.title,
            Approval.request_date,
            cast(Approval.status, Text).label("status"),
            name.label("asked_by"),
        )
        .join(Approval, and_(Approval.object_type == kind, Approval.object_id == table.id))
        .outerjoin(requester, requester.id == Approval.requested_by)
        .where(
            Approval.status.in_(OPEN_STATUSES),
            Approval.version_id == Approval.object_id,
            table.status == active,
            readable_by(actor, kind, table.id),
            which(kind, table.id),
        )
        for kind, table, active in (
            (ASSET_KIND, Asset, AssetStatus.ACTIVE),
            (COLLECTION_KIND, Collection, CollectionStatus.ACTIVE),
        )
    ]
    return union_all(*found).subquery()


def _waits_for(actor: Actor) -> RequestCondition:
    """Return the condition for requests that the actor is asked for, by name or as one who may write, and has not voted
    on; those that it asked of all who may write wait for others."""
    is_named = or_(
        any_(Approval.users) == actor.user_id, *(any_(Approval.groups) == group for group in actor.group_ids)
    )
    names_none = func.cardinality(Approval.users) + func.cardinality(Approval.groups)
    names_none += func.cardinality(Approval.externals)
    voted = select(ApprovalVote.id).where(
        ApprovalVote.approval_id == Approval.id, ApprovalVote.user_id == actor.user_id
    )

    def waits(kind: str, key: SQLColumnExpression[uuid.UUID]) -> ColumnElement[bool]:
        of_all = and_(
            names_none == 0,
            Approval.requested_by.is_distinct_from(actor.user_id),
            has_permission(actor, kind, key, Permission.WRITE),
        )
        return and_(or_(is_named, of_all), ~voted.exists())

    return waits
