"""Paths that somebody wants looked at now: the watcher takes them like hints of the kernel, each row with its hint."""

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Serial


class LookRequest(Base):
    """One path below the root of a storage. A look that is lost on the way costs nothing: whoever asked, asks again."""

    __tablename__ = "look_request"

    id: Mapped[Serial]
    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), index=True)
    path: Mapped[bytes]
    is_finished: Mapped[bool]
    """Whether its writer says that the file is complete: it is stable as soon as one that was closed."""
    date_created: Mapped[Created]
