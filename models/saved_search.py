"""Searches that people keep: some under a name until they are wanted again, the last ones by themselves.

Both hold criteria as a client sent them and not as they were parsed, so that a client shows its user what was typed,
and so that a later version of the parser reads old ones anew.
"""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Id


class SavedSearch(Base):
    """A search under a name, seen by the user who saved it."""

    __tablename__ = "saved_search"
    __table_args__ = (Index(None, "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    name: Mapped[str]
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)
    favoured: Mapped[bool] = mapped_column(server_default=text("false"))
    date_created: Mapped[Created]
    date_modified: Mapped[Created]


class SearchHistory(Base):
    """A search that a user asked to be remembered; the newest ones alone are kept."""

    __tablename__ = "search_history"
    __table_args__ = (Index(None, "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)
    date_created: Mapped[Created]
