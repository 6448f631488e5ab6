"""Saved searches of users, and the automatic history of recent searches.

Both store criteria as the client sent them, not as parsed, so that a client can show what was typed and later versions
of the parser can read old criteria.
"""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, CreatedMixin, IdMixin, TimestampsMixin


class SavedSearch(IdMixin, TimestampsMixin, Base):
    """A named search, visible to the user who saved it."""

    __tablename__ = "saved_search"
    __table_args__ = (Index(None, "user_id", "id"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    name: Mapped[str]
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)
    favoured: Mapped[bool] = mapped_column(server_default=text("false"))


class SearchHistory(IdMixin, CreatedMixin, Base):
    """One entry of a user's search history; only the newest entries are kept."""

    __tablename__ = "search_history"
    __table_args__ = (Index(None, "user_id", "id"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)
