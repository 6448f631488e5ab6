"""E-mails with share links. The queued row names the recipient; the link is derived when the mail is composed."""

import uuid
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.share import Share, ShareUser
from models.access.user import User
from models.queues.outbox import MAIL_TASK
from services.outbound.config import OutboundConfig
from services.outbound.mail_queue import CannotComposeMail, MailMessage, MailRequest, queue_mail
from services.shares.links import build_share_link

SHARE_MAIL_KIND = "share"
MailNotifier = Callable[[str, Iterable[uuid.UUID]], None]


def queue_link_mails(
    session: Session, outside: OutboundConfig, users: Sequence[ShareUser], actor: Actor | None, notify: MailNotifier
) -> None:
    """Queue a mail with the link for each recipient, if mail is configured; else the user who shares sends them."""
    if None in (outside.mail_server, outside.public_url, outside.key):
        return
    for user in users:
        queue_mail(session, SHARE_MAIL_KIND, user.email, {"share_user_id": str(user.id)}, actor)
    notify(MAIL_TASK, [])


def queue_link_mail_again(
    session: Session, outside: OutboundConfig, share_id: uuid.UUID, email: str, notify: MailNotifier
) -> None:
    """Queue a recipient's own link again; do nothing if the address is not a recipient of the share."""
    user = session.scalar(
        select(ShareUser)
        .join(Share, Share.id == ShareUser.share_id)
        .where(
            Share.id == share_id,
            Share.revoked_at.is_(None),
            Share.expires > func.now(),
            ShareUser.email == email.lower(),
            ShareUser.email != "",
        )
    )
    if user is not None:
        queue_link_mails(session, outside, [user], None, notify)


def compose_share_mail(session: Session, addressed: MailRequest) -> MailMessage | None:
    """Compose the mail of a share link; None if the share has ended meanwhile."""
    row = session.execute(
        select(ShareUser, Share, User)
        .join(Share, Share.id == ShareUser.share_id)
        .outerjoin(User, User.id == Share.created_by)
        .where(
            ShareUser.id == uuid.UUID(addressed.arguments["share_user_id"]),
            Share.revoked_at.is_(None),
            Share.expires > func.now(),
        )
    ).first()
    if row is None:
        return None
    if addressed.key is None or addressed.public_url is None:
        raise CannotComposeMail("a link needs TAPELESS_PUBLIC_URL and the server's key; set both for the worker, too")
    user, share, sender = row
    who = sender.display_name if sender is not None else "Somebody"
    parts = [
        f'{who} shares "{share.title}" with you.',
        share.message,
        build_share_link(addressed.key, addressed.public_url, user.id, user.generation),
        f"The link is made out to you and works until {share.expires:%d %B %Y, %H:%M} UTC.",
        f"It asks for a password, which {who} tells you." if share.password_hash is not None else "",
    ]
    return MailMessage(f'{who} shares "{share.title}" with you', "\n\n".join(part for part in parts if part) + "\n")
