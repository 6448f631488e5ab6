"""Who may sign in: users, groups of users, apps and their tokens, and how often a sign-in failed."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Id, Word, checked_text


class UserType(Word):
    BROWSE_API_ONLY = "BROWSE_API_ONLY"
    BROWSE_ONLY = "BROWSE_ONLY"
    POWER = "POWER"
    STANDARD = "STANDARD"


class UserStatus(Word):
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    DELETED = "DELETED"
    INACTIVE = "INACTIVE"


class GroupType(Word):
    ROLE_GROUP = "ROLE_GROUP"
    TEAM = "TEAM"


class User(Base):
    """A person or a program that signs in. Never deleted, because history and rights name it: its status says so."""

    __tablename__ = "user_account"
    __table_args__ = (Index("uq_user_account_email", func.lower(text("email")), unique=True),)

    id: Mapped[Id]
    email: Mapped[str]
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    type: Mapped[UserType] = mapped_column(checked_text(UserType), server_default="STANDARD")
    status: Mapped[UserStatus] = mapped_column(checked_text(UserStatus), server_default="ACTIVE")
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    password_hash: Mapped[str | None]
    """argon2id with its parameters; null where nobody may sign in with a password."""
    last_web_login: Mapped[datetime | None]
    date_created: Mapped[Created]
    date_modified: Mapped[Created]

    @property
    def display_name(self) -> str:
        """What history and lists call this user."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


class UserGroup(Base):
    """A named set of users that rights are given to."""

    __tablename__ = "user_group"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    alias: Mapped[str | None]
    external_id: Mapped[str | None]
    group_type: Mapped[GroupType] = mapped_column(checked_text(GroupType), server_default="TEAM")
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class Membership(Base):
    """A user is in a group."""

    __tablename__ = "membership"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("user_group.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class App(Base):
    """A program that calls the API in a user's name; its id is the `App-ID` of the user's tokens."""

    __tablename__ = "app"

    id: Mapped[Id]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class Token(Base):
    """A secret of 256 bit that was shown once: only its SHA-256 is kept. Revoking it removes the row."""

    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[Id]
    digest: Mapped[bytes]
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("app.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """Written at most once a minute, because a read of the API shall not write each time."""
    date_created: Mapped[Created]


class SignInLimit(Base):
    """How often `subject` (an address or an e-mail) tried within its window; in Postgres, so that all API processes
    count together and a restart forgets nothing."""

    __tablename__ = "sign_in_limit"

    subject: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime]
    tries: Mapped[int]
