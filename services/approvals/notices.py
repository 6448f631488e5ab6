"""Who hears of approvals by mail: reviewers when they are asked, requesters when a decision is there.

The mails are composed when they are sent (`services/mails/approvals.py`), from the requests as they are then: a request
that was withdrawn meanwhile is in none.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.approval import Approval, ApprovalStatus
from services.outbound.notices import notified_users, queue_notices

APPROVAL_ASKED_MAIL, APPROVAL_DECIDED_MAIL = "approval_asked", "approval_decided"


def notify_reviewers(
    session: Session,
    users: Iterable[uuid.UUID],
    groups: Iterable[uuid.UUID],
    externals: Iterable[str],
    asked_by: uuid.UUID | None,
) -> None:
    """Queue a mail for each of these reviewers of requests, besides the user who asks."""
    user_ids, group_ids = list(users), list(groups)
    accounts = notified_users(session, user_ids, group_ids, besides=asked_by) if user_ids or group_ids else []
    queue_notices(session, APPROVAL_ASKED_MAIL, [*accounts, *externals])


def notify_requesters(
    session: Session, approvals: Sequence[Approval], before: Mapping[uuid.UUID, ApprovalStatus], actor: Actor
) -> None:
    """Queue a mail for who requested an approval that this actor's vote decided, or made differ from other votes."""
    decided = [
        each
        for each in approvals
        if each.status not in (before[each.id], ApprovalStatus.REQUESTED) and each.requested_by is not None
    ]
    requesters = list({each.requested_by for each in decided if each.requested_by is not None})
    if requesters:
        queue_notices(session, APPROVAL_DECIDED_MAIL, notified_users(session, requesters, besides=actor.user_id))
