"""Shares: access of external people to one object until an expiry time, with one link per recipient.

The secret of a link is not stored: it is derived from the server's key, the recipient and the recipient's generation.
So users with the right to share can see a link for everyone again, the link of a recipient can be mailed again, and
raising the generation invalidates all links and sign-ins of the recipient at once.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.access.acl import ShareRight
from models.core.base import Base, CreatedMixin, IdMixin, TimestampsMixin

SHARE_RIGHTS_SQL = ", ".join(f"'{right}'" for right in ShareRight)


class Share(IdMixin, TimestampsMixin, Base):
    """One object shared with external people. Always has an expiry time, which every request checks."""

    __tablename__ = "share"
    __table_args__ = (
        CheckConstraint(f"allows <@ ARRAY[{SHARE_RIGHTS_SQL}]", name="allows"),
        Index(None, "object_id"),
        Index(None, "created_by"),
        Index("ix_share_running", "expires", postgresql_where=text("ended_at IS NULL AND revoked_at IS NULL")),
    )

    object_type: Mapped[str]
    object_id: Mapped[uuid.UUID]
    """The object at the time of sharing: an asset merged since is still named here, and opens less."""
    title: Mapped[str] = mapped_column(server_default="")
    message: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[uuid.UUID | None]
    allows: Mapped[list[str]] = mapped_column(ARRAY(Text))
    format_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid))
    """Formats that the share includes; null if it follows the content of a collection."""
    metadata_views: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    password_hash: Mapped[str | None]
    has_url: Mapped[bool] = mapped_column(server_default=text("false"))
    """One link for all recipients, instead of one per recipient."""
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Data that clients store with a share."""
    expires: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When its end was recorded in history; access stops at `expires` in any case."""
    revoked_at: Mapped[datetime | None]


class ShareUser(IdMixin, CreatedMixin, Base):
    """A recipient with a link of its own; the recipient of a plain URL has no e-mail."""

    __tablename__ = "share_user"
    __table_args__ = (UniqueConstraint("share_id", "email"),)

    share_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("share.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(server_default="")
    """In lower case."""
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    internal_user_id: Mapped[uuid.UUID | None]
    """The account with the same e-mail, if any; the link gives it no additional access."""
    generation: Mapped[int] = mapped_column(server_default="1")
    link_shown_to: Mapped[str | None]
    """Name of the user who saw the link when it was made, because it could not be mailed; history names it at votes."""
    access_count: Mapped[int] = mapped_column(server_default="0")
    download_count: Mapped[int] = mapped_column(server_default="0")
    last_access_date: Mapped[datetime | None]


class ShareToken(IdMixin, CreatedMixin, Base):
    """A sign-in through a link: only the SHA-256 of the secret is stored. Valid for the generation in which it was
    created."""

    __tablename__ = "share_token"
    __table_args__ = (UniqueConstraint("digest"),)

    digest: Mapped[bytes]
    share_user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("share_user.id", ondelete="CASCADE"), index=True)
    generation: Mapped[int]
    expires_at: Mapped[datetime]
