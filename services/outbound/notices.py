"""Notices: mails that say what happened meanwhile, one for many events of a kind.

A mail of an outbox is composed when it is sent, from the rows as they are then. So events of one kind that come while
a recipient's notice still waits need no mail of their own: they only delay it a little. Where no mail server is set,
notices end without a dead letter: no person asked for them.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.user import Membership, User, UserStatus
from models.core.statements import in_array
from models.queues.outbox import coalesce_mails
from services.core.errors import ValidationFailed
from services.outbound.mail_queue import check_mail_address

NOTICE_DELAY_SECONDS, MAX_NOTICE_DELAY_SECONDS = 10, 300
"""A notice is sent so long after the last event, and not later after the first: a job asks for the approval of
thousands of assets in many transactions."""
LOCAL_DOMAIN = "@localhost"
"""Addresses of accounts that only sign in, such as the first administrator."""


def queue_notices(session: Session, kind: str, recipients: Sequence[str]) -> int:
    """Queue a mail of `kind` for each address that has none waiting; return how many are new. In two statements."""
    wanted = sorted({address.lower() for address in recipients if _can_be_mailed(address)})
    if not wanted:
        return 0
    return coalesce_mails(session, kind, wanted, NOTICE_DELAY_SECONDS, MAX_NOTICE_DELAY_SECONDS)


def _can_be_mailed(address: str) -> bool:
    """Return whether a mail can be sent there; who signs in by another name gets none."""
    try:
        check_mail_address(address)
    except ValidationFailed:
        return False
    return not address.endswith(LOCAL_DOMAIN)


def notified_users(
    session: Session,
    user_ids: Sequence[uuid.UUID],
    group_ids: Sequence[uuid.UUID] = (),
    besides: uuid.UUID | None = None,
) -> list[str]:
    """Return the addresses of active users, and of members of groups, who have not opted out of notices."""
    members = select(Membership.user_id).where(in_array(Membership.group_id, group_ids))
    query = select(User.email).where(
        in_array(User.id, user_ids) | User.id.in_(members),
        User.status == UserStatus.ACTIVE,
        User.email_notifications,
        User.id.is_distinct_from(besides),
    )
    return list(session.scalars(query))


def notified_administrators(session: Session) -> list[str]:
    """Return the addresses of active administrators who have not opted out of notices."""
    is_told = (User.is_admin, User.status == UserStatus.ACTIVE, User.email_notifications)
    return list(session.scalars(select(User.email).where(*is_told)))
