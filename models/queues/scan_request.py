"""Scan requests: paths that a client wants scanned now. The watcher treats them like kernel events."""

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, CreatedMixin, Serial


class ScanRequest(CreatedMixin, Base):
    """One path below the root of a storage. Losing a request is harmless: the client asks again."""

    __tablename__ = "look_request"

    id: Mapped[Serial]
    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), index=True)
    path: Mapped[bytes]
    is_finished: Mapped[bool]
    """Whether the writer reports the file complete: it then settles as fast as a file that was closed."""
