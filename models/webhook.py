"""Webhooks: where other systems want to hear of changes, what there is to tell, and each time it was told.

The database writes an `event` in the transaction of the change (models/migrations/telling.py), and only while some
enabled webhook wants its kind. A task turns events into deliveries, one for each webhook that wants them.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Id, Serial, Word, checked_text
from models.outbox import DUE, Outgoing


class WebhookStatus(Word):
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class Webhook(Base):
    """Which changes go to which address; null in `realm`, `operation` or `object_id` means any."""

    __tablename__ = "webhook"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str]
    event_type: Mapped[str]
    realm: Mapped[str | None]
    operation: Mapped[str | None]
    object_id: Mapped[uuid.UUID | None]
    status: Mapped[WebhookStatus] = mapped_column(checked_text(WebhookStatus), server_default="ENABLED")
    secret: Mapped[bytes]
    """Signs each delivery, so it cannot be kept as a digest. Shown when it is made, and never again."""
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Sent along; often a password of the other system, so no answer shows the values."""
    first_failed_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    """In a row."""
    resting_until: Mapped[datetime | None]
    """After a failure nothing is sent for a while: an address that does not answer must not take the time of others."""
    created_by: Mapped[uuid.UUID | None]
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class Event(Base):
    """What one transaction did to one object, to be told; gone once its deliveries are made."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("told_by", "event_type", "realm", "operation", "object_id"),)

    id: Mapped[Serial]
    event_type: Mapped[str]
    realm: Mapped[str]
    operation: Mapped[str]
    object_id: Mapped[uuid.UUID]
    told_by: Mapped[int] = mapped_column(BigInteger)
    """The transaction."""
    date_created: Mapped[Created]


class WebhookDelivery(Outgoing, Base):
    """One event for one webhook; its id stays the same over all tries."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_due", "webhook_id", "not_before", "id", postgresql_where=text(DUE)),
        Index(None, "webhook_id", "id"),
    )

    id: Mapped[Id]
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    event_type: Mapped[str]
    realm: Mapped[str]
    operation: Mapped[str]
    object_id: Mapped[uuid.UUID]
    event_at: Mapped[datetime]
    answer: Mapped[int | None] = mapped_column(SmallInteger)
    """The status of the last answer, if there was one."""
