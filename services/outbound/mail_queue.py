"""Queue mails: a row in the same transaction as the change it announces, so that neither exists without the other.

`outbound.mail_sender` sends it. Without a mail server it is dead-lettered with that reason; `tapeless jobs retry` sends
it once one is configured. A caller that can show a link to the user instead checks `OutboundConfig.mail_server` first.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from typing import Any

from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.core.base import new_id
from models.queues.outbox import Mail
from services.core.errors import ValidationFailed
from services.core.signing_key import SigningKey

MAX_ADDRESS_LENGTH = 254


@dataclass(frozen=True, slots=True)
class MailMessage:
    """Subject and body. Plain text only: no remote images, no misleading links."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailRequest:
    """What a composer knows about the mail it composes."""

    mail_id: uuid.UUID
    recipient: str
    arguments: Mapping[str, Any]
    public_url: str | None
    """Base URL of this system, without a trailing slash; None if not configured."""
    key: SigningKey | None = field(default=None, repr=False)
    """Key that signs links."""


MailComposer = Callable[[Session, MailRequest], MailMessage | None]
"""Composes a mail from rows and derives secrets, without writing. Returns None if the mail is obsolete (the share
ended)."""


@dataclass(frozen=True, slots=True)
class MailKind:
    """How mails of one kind are composed."""

    compose: MailComposer
    is_notice: bool = False
    """No caller depends on it, so it ends without a dead letter where no mail server is set."""


class CannotComposeMail(Exception):
    """The mail cannot be composed; the message says what to do. The mail is dead-lettered with it."""


def check_mail_address(text: str, field: str = "email") -> str:
    """Return the normalised address; ValidationFailed for `field` if mail cannot be sent to it."""
    address = text.strip()
    try:
        parsed = Address(addr_spec=address)
        address.encode("ascii")
    except (ValueError, IndexError, MessageError):  # Address raises any of these for malformed text
        raise ValidationFailed(field, f'"{address[:80]}" is not an e-mail address') from None
    if not parsed.username or not parsed.domain or len(address) > MAX_ADDRESS_LENGTH or not address.isprintable():
        raise ValidationFailed(field, f'"{address[:80]}" is not an e-mail address')
    return address


def queue_mail(
    session: Session, kind: str, recipient: str, arguments: Mapping[str, Any], actor: Actor | None = None
) -> Mail:
    """Queue a mail that is sent after this transaction commits.

    `kind` names its composer in the registry of mail kinds; `arguments` are ids and words for it, never a secret: a
    mail with a share link names the recipient, and its composer derives the link when it is sent.
    """
    mail = Mail(id=new_id(), kind=kind, recipient=check_mail_address(recipient), arguments=dict(arguments))
    mail.created_by = actor.user_id if actor is not None else None
    session.add(mail)
    session.flush()
    return mail
