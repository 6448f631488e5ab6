"""Answers to writes that carried an `Idempotency-Key`, kept a day so that a caller who heard nothing may ask again."""

import uuid

from sqlalchemy import Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created


class KeptAnswer(Base):
    """Inserted before the work and finished with its answer in one transaction: a second caller waits for the first."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index(None, "date_created"),)

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    """SHA-256 of method, path, query and body: the same key with another request is a mistake."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body: Mapped[bytes | None]
    date_created: Mapped[Created]
