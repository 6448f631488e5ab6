"""The mail of a share link; its queued row names the recipient, and the link is derived when the mail is composed."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.share import Share, ShareUser
from models.access.user import User
from services.mails.templates import share_mail_text
from services.outbound.mail_queue import CannotComposeMail, MailMessage, MailRequest
from services.shares.guests import find_open_share
from services.shares.links import build_share_link


def compose_share_mail(session: Session, addressed: MailRequest) -> MailMessage | None:
    """Compose the mail of a share link; None if the share has ended meanwhile."""
    recipient_id = uuid.UUID(addressed.arguments["share_user_id"])
    row = session.execute(
        select(ShareUser, Share, User)
        .join(Share, Share.id == ShareUser.share_id)
        .outerjoin(User, User.id == Share.created_by)
        .where(ShareUser.id == recipient_id)
    ).first()
    if row is None or find_open_share(session, recipient_id) is None:
        return None
    if addressed.key is None or addressed.public_url is None:
        raise CannotComposeMail("a link needs TAPELESS_PUBLIC_URL and the server's key; set both for the worker, too")
    user, share, sender = row
    who = sender.display_name if sender is not None else "Somebody"
    link = build_share_link(addressed.key, addressed.public_url, user.id, user.generation)
    return share_mail_text(who, share.title, share.message, link, share.expires, share.password_hash is not None)
