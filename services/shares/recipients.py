"""Recipients of shares: creation, revocation of their links and sign-ins, and e-mails with their links.

The queued row of a mail names the recipient; the link is derived when the mail is composed."""

import uuid
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.share import Share, ShareToken, ShareUser
from models.access.user import User, UserStatus
from models.catalog.history import Operation
from models.core.base import new_id
from models.queues.outbox import MAIL_TASK
from services.core.audit_log import record_audit
from services.core.errors import Conflict, ValidationFailed
from services.core.rows import load, load_grouped, save
from services.objects.objects import ObjectRef, record_object_history
from services.outbound.config import OutboundConfig
from services.outbound.mail_queue import check_mail_address, queue_mail
from services.shares.guests import find_open_share

MAX_SHARE_RECIPIENTS = 500


def validate_recipient_emails(emails: Iterable[str]) -> list[str]:
    """Return the addresses in lower case without duplicates; raise for an invalid address or number."""
    checked = list(dict.fromkeys(check_mail_address(email, "emails").lower() for email in emails))
    if not checked:
        raise ValidationFailed("emails", "name at least one recipient, or ask for a plain link with shares/url/")
    if len(checked) > MAX_SHARE_RECIPIENTS:
        raise ValidationFailed("emails", f"at most {MAX_SHARE_RECIPIENTS} recipients, not {len(checked)}")
    return checked


def build_recipients(session: Session, share_id: uuid.UUID, emails: Sequence[str]) -> list[ShareUser]:
    """Build a recipient for each e-mail address, linked to the user account that has it."""
    accounts = {
        email: (user_id, first, last)
        for email, user_id, first, last in session.execute(
            select(func.lower(User.email), User.id, User.first_name, User.last_name).where(
                func.lower(User.email).in_(emails), User.status == UserStatus.ACTIVE
            )
        )
    }
    made = []
    for email in emails:
        account, first, last = accounts.get(email, (None, "", ""))
        one = ShareUser(id=new_id(), share_id=share_id, email=email, internal_user_id=account)
        one.first_name, one.last_name = first, last
        made.append(one)
    return made


def sign_out_guests(session: Session, share_ids: Sequence[uuid.UUID]) -> None:
    """End every sign-in through these shares; the links stay valid.

    The recipients are locked first, so that a concurrent sign-in is waited for and ended as well.
    """
    users = session.scalars(
        select(ShareUser.id).where(ShareUser.share_id.in_(share_ids)).order_by(ShareUser.id).with_for_update()
    ).all()
    _delete_guest_tokens(session, users)


def _delete_guest_tokens(session: Session, users: Sequence[uuid.UUID]) -> None:
    gone = delete(ShareToken).where(ShareToken.share_user_id.in_(users))
    session.execute(gone.execution_options(synchronize_session=False))


def revoke_links(session: Session, users: ColumnElement[bool]) -> None:
    """Revoke links and sign-ins of recipients by incrementing their generation."""
    moved = session.scalars(
        update(ShareUser)
        .where(users)
        .values(generation=ShareUser.generation + 1)
        .returning(ShareUser.id)
        .execution_options(synchronize_session=False)
    ).all()
    _delete_guest_tokens(session, moved)


def load_recipients(session: Session, share_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[ShareUser]]:
    """Load the recipients of shares, by share id."""
    query = select(ShareUser.share_id, ShareUser).where(ShareUser.share_id.in_(share_ids)).order_by(ShareUser.id)
    return load_grouped(session, query, share_ids)


def find_share_user(session: Session, share: Share, share_user_id: uuid.UUID, *, lock: bool = False) -> ShareUser:
    """Return a recipient of a share. Raises NotFound if it is not one."""
    return load(session, ShareUser, share_user_id, "share user", lock=lock, share_id=share.id)


def add_share_user(session: Session, found: ObjectRef, share: Share, email: str, actor: Actor) -> ShareUser:
    """Add a recipient by e-mail to a share."""
    if share.has_url:
        raise Conflict("this share has one link for everybody; make another share for recipients by e-mail")
    (email,) = validate_recipient_emails([email])
    there = session.scalar(select(ShareUser).where(ShareUser.share_id == share.id, ShareUser.email == email))
    if there is not None:
        raise Conflict(f'the share "{share.title}" has the recipient {email} already')
    if (session.scalar(select(func.count()).where(ShareUser.share_id == share.id)) or 0) >= MAX_SHARE_RECIPIENTS:
        raise Conflict(f'the share "{share.title}" has {MAX_SHARE_RECIPIENTS} recipients, the most; make another share')
    (user,) = build_recipients(session, share.id, [email])
    record_share_history(session, found, f'share "{share.title}": added {email}', actor)
    return save(session, user)


def update_share_user(session: Session, user: ShareUser, first_name: str | None, last_name: str | None) -> ShareUser:
    """Update the name of a recipient as history shows it."""
    user.first_name = user.first_name if first_name is None else first_name
    user.last_name = user.last_name if last_name is None else last_name
    session.flush()
    return user


def remove_share_user(session: Session, found: ObjectRef, share: Share, user: ShareUser, actor: Actor) -> None:
    """Remove a recipient from a share, with its link and sign-ins."""
    session.delete(user)
    record_share_history(session, found, f'share "{share.title}": removed {user.email or "its link"}', actor)
    session.flush()


def record_share_history(session: Session, found: ObjectRef, text: str, actor: Actor) -> None:
    """Record a change of an object's shares: in the history of an asset, in the audit log for a collection."""
    record_object_history(session, found, Operation.CUSTOM, text, actor)
    if found.history_of is None:
        record_audit(session, found.object_type, found.id, text, actor)


SHARE_MAIL_KIND = "share"
MailNotifier = Callable[[str, Iterable[uuid.UUID]], None]


def queue_link_mails(
    session: Session, outside: OutboundConfig, users: Sequence[ShareUser], actor: Actor | None, notify: MailNotifier
) -> bool:
    """Queue a mail with the link for each recipient; return False, and do nothing, where no mail is configured."""
    if None in (outside.mail_server, outside.public_url, outside.key):
        return False
    for user in users:
        queue_mail(session, SHARE_MAIL_KIND, user.email, {"share_user_id": str(user.id)}, actor)
    notify(MAIL_TASK, [])
    return True


def hand_out_links(
    session: Session,
    outside: OutboundConfig,
    found: ObjectRef,
    users: Sequence[ShareUser],
    actor: Actor,
    notify: MailNotifier,
) -> frozenset[uuid.UUID]:
    """Mail each new recipient its link, so that only the recipient can vote by it.

    Returns:
        The recipients whose links the caller has to pass on and may see this once, because no mail server or no public
        URL is set; history and later votes say so.
    """
    if queue_link_mails(session, outside, users, actor, notify):
        return frozenset()
    why = f"no {'mail server' if outside.mail_server is None else 'public URL'} is set"
    for user in users:
        user.link_shown_to = actor.name
        record_share_history(
            session, found, f"the link made out to {user.email} was shown to {actor.name}: {why}", actor
        )
    session.flush()
    return frozenset(user.id for user in users)


def queue_link_mail_again(
    session: Session, outside: OutboundConfig, share_id: uuid.UUID, email: str, notify: MailNotifier
) -> None:
    """Queue a recipient's own link again; do nothing if the address is not a recipient of the share."""
    user = session.scalar(
        select(ShareUser).where(ShareUser.share_id == share_id, ShareUser.email == email.lower(), ShareUser.email != "")
    )
    if user is not None and find_open_share(session, user.id) is not None:
        queue_link_mails(session, outside, [user], None, notify)
