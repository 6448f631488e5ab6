"""Outbox of mails: recipient and subject matter, never a secret."""

import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, Id
from models.queues.outbox import OutboxMixin, make_outbox_index


class Mail(OutboxMixin, Base):
    """One mail. Its text is rendered when it is sent, so that links with secrets are derived then and never stored."""

    __tablename__ = "mail"
    __table_args__ = (make_outbox_index("mail"),)

    id: Mapped[Id]
    kind: Mapped[str]
    """Kind of message: a key of the registry in `services/operations/mail_kinds.py`."""
    recipient: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Ids and words for the template; no secrets."""
    created_by: Mapped[uuid.UUID | None]
