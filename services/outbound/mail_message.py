"""The message of a mail, and the interface of the functions that compose mails of one kind."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from services.core.signing_key import SigningKey


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


class CannotComposeMail(Exception):
    """The mail cannot be composed; the message says what to do. The mail is dead-lettered with it."""
