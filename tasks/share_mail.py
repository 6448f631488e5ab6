"""E-mails with share links. The queued row names the recipient; the link is derived when the mail is composed."""

import uuid
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.acl import Actor
from models.share import Share, ShareUser
from models.user import User
from tasks.letter import Addressed, CannotWrite, Letter
from tasks.mail import TASK, queue_mail
from tasks.outside import Outside
from tasks.share_links import link

LETTER = "share"
Ring = Callable[[str, Iterable[uuid.UUID]], None]


def sends_links(outside: Outside) -> bool:
    """Return whether links can be mailed; otherwise the user who shares sends them."""
    return outside.mail_server is not None and outside.public_url is not None and outside.key is not None


def send_links(session: Session, outside: Outside, users: Sequence[ShareUser], actor: Actor | None, ring: Ring) -> None:
    """Queue a mail with the link for each recipient, if mail is configured."""
    if not sends_links(outside):
        return
    for user in users:
        queue_mail(session, LETTER, user.email, {"share_user_id": str(user.id)}, actor)
    ring(TASK, [])


def send_link_again(session: Session, outside: Outside, share_id: uuid.UUID, email: str, ring: Ring) -> None:
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
        send_links(session, outside, [user], None, ring)


def write_share_letter(session: Session, addressed: Addressed) -> Letter | None:
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
        raise CannotWrite("a link needs TAPELESS_PUBLIC_URL and the server's key; set both for the worker, too")
    user, share, sender = row
    who = sender.display_name if sender is not None else "Somebody"
    parts = [
        f'{who} shares "{share.title}" with you.',
        share.message,
        link(addressed.key, addressed.public_url, user.id, user.generation),
        f"The link is made out to you and works until {share.expires:%d %B %Y, %H:%M} UTC.",
        f"It asks for a password, which {who} tells you." if share.password_hash is not None else "",
    ]
    return Letter(f'{who} shares "{share.title}" with you', "\n\n".join(part for part in parts if part) + "\n")
