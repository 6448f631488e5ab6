"""Audit log of changes to users, groups, ACL templates, fields, views and storages, beside the history of assets."""

import uuid
from datetime import datetime

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, Id


class AuditEntry(Base):
    """One change; append-only by the trigger `audit_is_append_only`."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    id: Mapped[Id]
    object_type: Mapped[str]
    object_id: Mapped[str]
    description: Mapped[str]
    actor: Mapped[str]
    user_id: Mapped[uuid.UUID | None]
    date_created: Mapped[datetime] = mapped_column(server_default=func.now())
