"""What the guest of a share sees beside its object: who sent it and why, the contents of a collection, its own vote."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from models.access.acl import Actor, readable_by
from models.access.share import Share
from models.access.user import User
from models.catalog.asset import Asset, AssetStatus
from models.catalog.collection import Collection, CollectionAsset, CollectionStatus
from models.core.statements import AnyRow, count_rows
from services.approvals.requests import load_requests, load_votes
from services.approvals.votes import external_voter, may_guest_vote
from services.objects.objects import find_object
from services.viewing.paging import ListPage

MAX_CONTENTS_PER_PAGE = 60


@dataclass(frozen=True, slots=True)
class ShareLetter:
    """Who shared an object, and what they wrote."""

    sender: str | None
    message: str


@dataclass(frozen=True, slots=True)
class OwnVote:
    """A guest's vote; `status` is empty before it voted."""

    status: str
    reason: str


def load_share_letter(session: Session, share_id: uuid.UUID) -> ShareLetter:
    """Load the sender and the message of a share; the address of a sender without a name is not shown."""
    row = session.execute(
        select(Share.message, User.first_name, User.last_name)
        .outerjoin(User, User.id == Share.created_by)
        .where(Share.id == share_id)
    ).one()
    return ShareLetter(f"{row.first_name or ''} {row.last_name or ''}".strip() or None, row.message)


def load_own_vote(session: Session, actor: Actor, kind: str, object_id: uuid.UUID) -> OwnVote | None:
    """Return the guest's vote on an object; None if it may not vote."""
    found = find_object(session, actor, kind, object_id)
    approval = load_requests(session, [found]).get(found.id)
    if approval is None or not may_guest_vote(approval, actor):
        return None
    votes = load_votes(session, [approval])[approval.id]
    own = next((vote for vote in votes if vote.external == external_voter(actor)), None)
    return OwnVote(own.status, own.reason) if own is not None else OwnVote("", "")


def list_shared_contents(
    session: Session, actor: Actor, collection_id: uuid.UUID, number: int
) -> tuple[Sequence[AnyRow], ListPage]:
    """Return id, title and kind of what a collection contains, collections first, each kind by title."""
    below = select(Collection.id, Collection.title, literal("collections").label("kind")).where(
        Collection.parent_id == collection_id,
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(actor, "collections", Collection.id),
    )
    held = (
        select(Asset.id, Asset.title, literal("assets").label("kind"))
        .join(CollectionAsset, CollectionAsset.asset_id == Asset.id)
        .where(
            CollectionAsset.collection_id == collection_id,
            Asset.status == AssetStatus.ACTIVE,
            readable_by(actor, "assets", Asset.id),
        )
    )
    both = union_all(below, held).subquery()
    part = ListPage.of(number, count_rows(session, select(both.c.id)), MAX_CONTENTS_PER_PAGE)
    rows = select(both.c.id, both.c.title, both.c.kind).order_by(both.c.kind.desc(), both.c.title, both.c.id)
    return session.execute(part.cut(rows, MAX_CONTENTS_PER_PAGE)).all(), part
