"""Outbox of mails: recipient and subject matter, never a secret."""

import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, IdMixin
from models.queues.leased_queue import SKIP_LOCKED
from models.queues.outbox import IS_SENDABLE, Outbox, OutboxMixin, make_outbox_index, make_outbox_policy

MAIL_TASK = "maintenance.mail"
"""Task to notify after the commit; if that message is lost, beat notifies it."""


class Mail(OutboxMixin, IdMixin, Base):
    """One mail. Its text is rendered when it is sent, so that links with secrets are derived then and never stored."""

    __tablename__ = "mail"
    __table_args__ = (make_outbox_index("mail"),)

    kind: Mapped[str]
    """Kind of message: a key of the registry in `services/operations/mail_kinds.py`."""
    recipient: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Ids and words for the template; no secrets."""
    created_by: Mapped[uuid.UUID | None]


MAIL_QUEUE = Outbox(
    table="mail",
    noun="mail",
    plural="mails",
    task=MAIL_TASK,
    title="work.kind || ' to ' || work.recipient",
    policy=make_outbox_policy(batch=20),
    candidates=f"SELECT id FROM mail WHERE {IS_SENDABLE} ORDER BY not_before, id LIMIT :most {SKIP_LOCKED}",
    waits=f"EXISTS (SELECT FROM mail WHERE {IS_SENDABLE})",
)
