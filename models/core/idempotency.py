"""Idempotency keys: responses to writes with an `Idempotency-Key`, stored for a day so that a client can retry
safely."""

import uuid

from sqlalchemy import Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, CreatedMixin


class IdempotencyKey(CreatedMixin, Base):
    """One key of one user. Inserted before the work and completed with its response in one transaction, so that a
    concurrent request with the same key waits."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index(None, "date_created"),)

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    """SHA-256 of method, path, query and body: the same key with a different request is an error."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body: Mapped[bytes | None]
