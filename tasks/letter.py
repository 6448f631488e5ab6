"""A mail's text, and how a kind of mail writes it."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from tasks.server_key import ServerKey


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person reads. Plain text alone: no pictures to load, nothing to click on by mistake."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Addressed:
    """What a writer knows of the mail it writes."""

    mail_id: uuid.UUID
    recipient: str
    arguments: Mapping[str, Any]
    public_url: str | None
    """Where people reach this system, without a slash at its end; None where nobody set it."""
    key: ServerKey | None = field(default=None, repr=False)
    """What links are signed with."""


Writer = Callable[[Session, Addressed], Letter | None]
"""Reads rows, derives what is secret, changes nothing. None where the mail has no purpose any more (a share ended)."""


class CannotWrite(Exception):
    """The letter cannot be written as things are; the text says what to do. The mail is parked with it."""
