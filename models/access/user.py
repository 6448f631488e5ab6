"""Users, user groups, apps with their tokens, and the limiter of sign-in attempts."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, CreatedMixin, IdMixin, TextEnum, TimestampsMixin, checked_text


class UserType(TextEnum):
    BROWSE_API_ONLY = "BROWSE_API_ONLY"
    BROWSE_ONLY = "BROWSE_ONLY"
    POWER = "POWER"
    STANDARD = "STANDARD"


class UserStatus(TextEnum):
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    DELETED = "DELETED"
    INACTIVE = "INACTIVE"


class GroupType(TextEnum):
    ROLE_GROUP = "ROLE_GROUP"
    TEAM = "TEAM"


class User(IdMixin, TimestampsMixin, Base):
    """A person or a program that signs in. Never deleted, because history and rights refer to it: see `status`."""

    __tablename__ = "user_account"
    __table_args__ = (Index("uq_user_account_email", func.lower(text("email")), unique=True),)

    email: Mapped[str]
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    type: Mapped[UserType] = mapped_column(checked_text(UserType), server_default="STANDARD")
    status: Mapped[UserStatus] = mapped_column(checked_text(UserStatus), server_default="ACTIVE")
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    password_hash: Mapped[str | None]
    """argon2id hash with its parameters; null if password sign-in is disabled."""
    last_web_login: Mapped[datetime | None]
    email_notifications: Mapped[bool] = mapped_column(server_default=text("true"))
    """False if the user opted out of mails about approvals, and an administrator out of the digest of failures."""

    @property
    def display_name(self) -> str:
        """Name for history and lists."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


class UserGroup(IdMixin, TimestampsMixin, Base):
    """A named set of users that rights are granted to."""

    __tablename__ = "user_group"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    alias: Mapped[str | None]
    external_id: Mapped[str | None]
    group_type: Mapped[GroupType] = mapped_column(checked_text(GroupType), server_default="TEAM")


class Membership(Base):
    """Membership of a user in a group."""

    __tablename__ = "membership"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("user_group.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class App(IdMixin, TimestampsMixin, Base):
    """A program that calls the API on behalf of a user; its id is the `App-ID` of the user's tokens."""

    __tablename__ = "app"

    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)


class Token(IdMixin, CreatedMixin, Base):
    """An API token of 256 bits, shown once: only its SHA-256 is stored. Revoking it deletes the row."""

    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("digest"),)

    digest: Mapped[bytes]
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("app.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime | None]
    is_sign_in: Mapped[bool] = mapped_column(server_default=text("false"))
    """Made by e-mail and password; signing out everywhere ends all of these."""
    made_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("token.id", ondelete="CASCADE"), index=True)
    """The token that asked for it, and with which it ends; null if it is independent."""
    last_used_at: Mapped[datetime | None]
    """Written at most once a minute, so that reads do not write on every request."""


class SignInLimit(Base):
    """Sign-in attempts of `subject` (an IP address or an e-mail) within its window; in PostgreSQL, so that all API
    processes share one count that survives restarts."""

    __tablename__ = "sign_in_limit"

    subject: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime]
    tries: Mapped[int]
