"""Approval requests: the requested reviewers, the required number of approvals, and the votes."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, DefaultNow, IdMixin, TextEnum, checked_text


class ApprovalStatus(TextEnum):
    """iconik's statuses. No row is stored without a request, so `N/A` is never in the table."""

    NONE = "N/A"
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    NOT_APPROVED = "NOT_APPROVED"
    MIXED = "MIXED"


class VoteStatus(TextEnum):
    APPROVED = "APPROVED"
    NOT_APPROVED = "NOT_APPROVED"


class Approval(IdMixin, Base):
    """An approval request. `status` is derived from the votes and stored, so that lists and documents need not
    count."""

    __tablename__ = "approval"
    __table_args__ = (
        UniqueConstraint("object_type", "object_id", "version_id"),
        CheckConstraint("object_type IN ('assets', 'collections')", name="object_type"),
        CheckConstraint("min_number >= 1", name="min_number"),
    )

    object_type: Mapped[str]
    object_id: Mapped[uuid.UUID]
    version_id: Mapped[uuid.UUID]
    """For a collection, its own id: collections have no versions."""
    status: Mapped[ApprovalStatus] = mapped_column(checked_text(ApprovalStatus), server_default="REQUESTED")
    min_number: Mapped[int] = mapped_column(server_default="1")
    users: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    groups: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    externals: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """E-mail addresses in lower case; external reviewers vote through a share."""
    requested_by: Mapped[uuid.UUID | None]
    share_id: Mapped[uuid.UUID | None]
    request_date: Mapped[DefaultNow]
    change_date: Mapped[DefaultNow]


class ApprovalVote(IdMixin, Base):
    """The latest vote of one reviewer; withdrawing a vote deletes its row."""

    __tablename__ = "approval_vote"
    __table_args__ = (
        UniqueConstraint("approval_id", "user_id"),
        UniqueConstraint("approval_id", "external"),
        CheckConstraint("(user_id IS NULL) <> (external IS NULL)", name="voter"),
        Index(None, "user_id", postgresql_where=text("user_id IS NOT NULL")),
    )

    approval_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("approval.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID | None]
    external: Mapped[str | None]
    """E-mail address of an external reviewer."""
    status: Mapped[VoteStatus] = mapped_column(checked_text(VoteStatus))
    reason: Mapped[str] = mapped_column(server_default="")
    share_id: Mapped[uuid.UUID | None]
    change_date: Mapped[datetime] = mapped_column(server_default=text("now()"))
