"""Audit log of changes to users, groups, ACL templates, fields, views and storages, beside the history of assets."""

import uuid

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from models.core.base import Base, CreatedMixin, IdMixin


class AuditEntry(IdMixin, CreatedMixin, Base):
    """One change; append-only by the trigger `audit_is_append_only`."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    object_type: Mapped[str]
    object_id: Mapped[str]
    description: Mapped[str]
    actor: Mapped[str]
    user_id: Mapped[uuid.UUID | None]
