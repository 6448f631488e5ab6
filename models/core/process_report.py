"""What each process of a system reports of its machine: which storages it sees, and whether it shares the media folder.

Rows are overwritten every few seconds and are no record: one that is old means that its process is gone.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base

MAX_REPORT_AGE_SECONDS = 20.0
"""An older report is of a process that is gone, or hangs on a mount that does not answer."""
WATCHER_NAME = "watch"
"""Reports of watchers are called `watch@machine`."""


class SystemIdentity(Base):
    """The only row identifies this system, also after its database was moved or restored."""

    __tablename__ = "system_identity"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    media_marked_at: Mapped[datetime | None]
    """When the marker was written into the media folder; a folder without it is another one since then."""


class ProcessReport(Base):
    """A running process, by a name such as `media@machine`, or `media@machine (2)` where another one has that."""

    __tablename__ = "process_report"

    name: Mapped[str] = mapped_column(primary_key=True)
    process_id: Mapped[uuid.UUID | None]
    """Differs between two processes of one name; null of a process of an older version."""
    machine: Mapped[str]
    queues: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Queues of the broker that it takes messages from."""
    unseen: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Why it does not see storages, by their id; it sees all others."""
    media_folder_error: Mapped[str | None]
    """Why it does not write to the media folder."""
    reported_at: Mapped[datetime]
