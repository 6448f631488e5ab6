"""Mails about approvals, composed from the requests as they are: to reviewers, and to who asked them."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, any_, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, ShareRight, readable_by
from models.access.share import Share, ShareUser
from models.access.user import User, UserStatus
from models.catalog.approval import Approval, ApprovalStatus, ApprovalVote
from models.catalog.asset import Asset, AssetStatus
from models.catalog.collection import Collection, CollectionStatus
from models.core.statements import in_array
from models.queues.outbox import Mail
from services.core.actors import find_actor
from services.mails.templates import MailedDecision, MailedRequest, approval_asked_text, approval_decided_text
from services.outbound.mail_queue import MailMessage, MailRequest
from services.shares.guests import find_open_share
from services.shares.links import build_share_link

TRANSACTION_SLACK = timedelta(minutes=1)
"""A request may carry the time at which its transaction began, before that of the mail; twice named is harmless."""
MAX_COMPOSED = 1_000


def compose_approval_asked(session: Session, addressed: MailRequest) -> MailMessage | None:
    """Compose the mail to a reviewer: what was asked since the mail was queued, can be read and has no vote yet."""
    user = _find_account(session, addressed.recipient)
    if user is not None and not user.email_notifications:
        return None
    actor = find_actor(session, user.id) if user is not None else None
    is_open = Approval.status.in_((ApprovalStatus.REQUESTED, ApprovalStatus.MIXED))
    query = _select_recent(session, addressed).where(is_open, _awaits(addressed.recipient, actor))
    found = _read_titles(session, session.scalars(query).all(), actor, addressed.recipient)
    links = _find_share_links(session, addressed, [each for each, _ in found])
    names = _names_of(session, [each.requested_by for each, _ in found if each.requested_by is not None])
    requests = [
        MailedRequest(title, names.get(each.requested_by, "Tapeless"), links.get(each.id)) for each, title in found
    ]
    return approval_asked_text(requests, addressed.public_url, has_account=actor is not None) if requests else None


def compose_approval_decided(session: Session, addressed: MailRequest) -> MailMessage | None:
    """Compose the mail to who requested approvals: those with a decision since the mail was queued."""
    user = _find_account(session, addressed.recipient)
    if user is None or not user.email_notifications:
        return None
    query = _select_recent(session, addressed).where(
        Approval.requested_by == user.id, Approval.status != ApprovalStatus.REQUESTED
    )
    found = _read_titles(session, session.scalars(query).all(), find_actor(session, user.id), user.email)
    decisions = [MailedDecision(title, each.status) for each, title in found]
    return approval_decided_text(decisions, addressed.public_url) if decisions else None


def _find_account(session: Session, address: str) -> User | None:
    """Return the active user with an address, who may have opted out since the mail was queued."""
    is_address = (func.lower(User.email) == address.lower(), User.status == UserStatus.ACTIVE)
    return session.scalar(select(User).where(*is_address))


def _select_recent(session: Session, addressed: MailRequest) -> Select[Approval]:
    queued = session.scalar(select(Mail.date_created).where(Mail.id == addressed.mail_id))
    query = select(Approval).order_by(Approval.change_date, Approval.id).limit(MAX_COMPOSED)
    return query if queued is None else query.where(Approval.change_date >= queued - TRANSACTION_SLACK)


def _awaits(address: str, actor: Actor | None) -> ColumnElement[bool]:
    """Match requests that name the address or its user, and have no vote of theirs."""
    named, voted = [any_(Approval.externals) == address.lower()], [ApprovalVote.external == address.lower()]
    if actor is not None:
        named += [any_(Approval.users) == actor.user_id, *(any_(Approval.groups) == key for key in actor.group_ids)]
        voted.append(ApprovalVote.user_id == actor.user_id)
    return or_(*named) & ~exists().where(ApprovalVote.approval_id == Approval.id, or_(*voted))


def _read_titles(
    session: Session, approvals: Sequence[Approval], actor: Actor | None, address: str
) -> list[tuple[Approval, str]]:
    """Return the requests about objects that exist and that the recipient may see, with their titles.

    A user sees what it may read; who is asked by address sees the titles of what it is asked about.
    """
    titles: dict[uuid.UUID, tuple[str, bool]] = {}
    for kind, model, active in (
        ("assets", Asset, Asset.status == AssetStatus.ACTIVE),
        ("collections", Collection, Collection.status == CollectionStatus.ACTIVE),
    ):
        keys = [each.object_id for each in approvals if each.object_type == kind]
        may_read = readable_by(actor, kind, model.id) if actor is not None else literal(False)
        rows = session.execute(select(model.id, model.title, may_read).where(in_array(model.id, keys), active))
        titles |= {key: (title, bool(may)) for key, title, may in rows}
    found = [(each, *titles[each.object_id]) for each in approvals if each.object_id in titles]
    return [(each, title) for each, title, may in found if may or address.lower() in each.externals]


def _names_of(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID | None, str]:
    return {user.id: user.display_name for user in session.scalars(select(User).where(in_array(User.id, user_ids)))}


def _find_share_links(session: Session, addressed: MailRequest, approvals: Sequence[Approval]) -> dict[uuid.UUID, str]:
    """Return the recipient's own link for each request, where an open share with votes leads to its object."""
    key, url = addressed.key, addressed.public_url
    if key is None or url is None:
        return {}
    of_objects = in_array(Share.object_id, [each.object_id for each in approvals])
    named = in_array(Share.id, [each.share_id for each in approvals if each.share_id is not None])
    query = (
        select(Share.id, Share.object_id, ShareUser)
        .join(ShareUser, ShareUser.share_id == Share.id)
        .where(ShareUser.email == addressed.recipient.lower(), of_objects | named)
        .order_by(Share.id)
    )
    links: dict[uuid.UUID, str] = {}
    for share_id, object_id, recipient in session.execute(query):
        share = find_open_share(session, recipient.id)
        if share is not None and ShareRight.SETTING_APPROVE_STATUS in share.guest.allows:
            link = build_share_link(key, url, recipient.id, recipient.generation)
            links |= {each.id: link for each in approvals if share_id == each.share_id or object_id == each.object_id}
    return links
