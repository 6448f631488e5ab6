"""Steps of a job that another system performs and reports on."""

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, DefaultNow, IdMixin, TextEnum, checked_text


class StepStatus(TextEnum):
    DONE = "DONE"
    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    SKIPPED = "SKIPPED"
    WAITING = "WAITING"


class JobStep(IdMixin, Base):
    """One step; `position` keeps the reported order."""

    __tablename__ = "job_step"

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    label: Mapped[str]
    status: Mapped[StepStatus] = mapped_column(checked_text(StepStatus), server_default="WAITING")
    message: Mapped[str | None]
    error_message: Mapped[str | None]
    date_updated: Mapped[DefaultNow]
