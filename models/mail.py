"""Mails to be sent: whom, about what, and never what would be secret in them."""

import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id
from models.outbox import Outgoing, outbox_index


class Mail(Outgoing, Base):
    """The text is written when it is sent: a link with a secret in it is derived then, and stands in no row."""

    __tablename__ = "mail"
    __table_args__ = (outbox_index("mail"),)

    id: Mapped[Id]
    kind: Mapped[str]
    """Which letter it is: a key of `tasks.letters.LETTERS`."""
    recipient: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What the letter is about: ids and words, no secret."""
    created_by: Mapped[uuid.UUID | None]
