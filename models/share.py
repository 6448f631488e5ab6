"""Shares: what somebody outside may do with one object until a time, and through which link each of them comes.

A link's secret stands nowhere: it is derived from the server's key, the recipient and the recipient's generation. So
whoever may share can see it again, and one more generation ends every link and sign-in of the recipient at once.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Id, Word


class ShareRight(Word):
    """What a share allows beside seeing its object; iconik's keys, each of them false unless it is given."""

    APPROVING_COMMENTS = "allow_approving_comments"
    COMMENTS = "allow_comments"
    CUSTOM_ACTIONS = "allow_custom_actions"
    DOWNLOAD = "allow_download"
    DOWNLOAD_PROXY = "allow_download_proxy"
    SETTING_APPROVE_STATUS = "allow_setting_approve_status"
    SYNC = "allow_sync"
    UPLOAD = "allow_upload"
    USER_SEARCH_FOR_MENTIONS = "allow_user_search_for_mentions"
    VIEW_TRANSCRIPTIONS = "allow_view_transcriptions"
    VIEW_VERSIONS = "allow_view_versions"
    EXISTING_COMMENTS = "show_existing_comments"


RIGHTS = ", ".join(f"'{right}'" for right in ShareRight)


class Share(Base):
    """One object opened to people outside. It always has an end; whether it is open is asked at every request."""

    __tablename__ = "share"
    __table_args__ = (
        CheckConstraint(f"allows <@ ARRAY[{RIGHTS}]", name="allows"),
        Index(None, "object_id"),
        Index(None, "created_by"),
        Index("ix_share_running", "expires", postgresql_where=text("ended_at IS NULL AND revoked_at IS NULL")),
    )

    id: Mapped[Id]
    object_type: Mapped[str]
    object_id: Mapped[uuid.UUID]
    """As it was when shared: an asset that was merged away since is still named here, and opens less."""
    title: Mapped[str] = mapped_column(server_default="")
    message: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[uuid.UUID | None]
    allows: Mapped[list[str]] = mapped_column(ARRAY(Text))
    format_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid))
    """The formats that it was made for; null where it follows the content of a collection."""
    metadata_views: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    password_hash: Mapped[str | None]
    has_url: Mapped[bool] = mapped_column(server_default=text("false"))
    """One link for everybody who is given it, instead of one for each recipient."""
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What clients keep with a share and Tapeless gives back."""
    expires: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When its end was noticed and told in history; it stopped at `expires` whether noticed or not."""
    revoked_at: Mapped[datetime | None]
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class ShareUser(Base):
    """A recipient with a link of its own; the one of a plain URL has no e-mail."""

    __tablename__ = "share_user"
    __table_args__ = (UniqueConstraint("share_id", "email"),)

    id: Mapped[Id]
    share_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("share.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(server_default="")
    """In lower case."""
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    internal_user_id: Mapped[uuid.UUID | None]
    """The account of the same e-mail, if there is one; the link opens no more to it than to others."""
    generation: Mapped[int] = mapped_column(server_default="1")
    access_count: Mapped[int] = mapped_column(server_default="0")
    download_count: Mapped[int] = mapped_column(server_default="0")
    last_access_date: Mapped[datetime | None]
    date_created: Mapped[Created]


class ShareToken(Base):
    """A sign-in through a link: only the secret's SHA-256 is kept, and it works in the generation it was made in."""

    __tablename__ = "share_token"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[Id]
    digest: Mapped[bytes]
    share_user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("share_user.id", ondelete="CASCADE"), index=True)
    generation: Mapped[int]
    expires_at: Mapped[datetime]
    date_created: Mapped[Created]
