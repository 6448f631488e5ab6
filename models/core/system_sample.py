"""What a system held and had to do at a time, every few minutes of the last day: the lines of the page of its work."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt


class SystemSample(Base):
    """Counts at one time; older ones than a day are deleted with each new one."""

    __tablename__ = "system_sample"

    sampled_at: Mapped[datetime] = mapped_column(primary_key=True)
    files: Mapped[BigInt]
    assets: Mapped[BigInt]
    queued: Mapped[BigInt]
    """Folders to be grouped, documents to be indexed, and jobs and media that wait."""
    index_lag_seconds: Mapped[float]
