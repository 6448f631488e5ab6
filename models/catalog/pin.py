"""Manual grouping: a pinned file stays in its asset, format and file set, overriding the rules."""

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.catalog.asset import FormatRole
from models.core.base import Base, CreatedMixin, checked_text


class Pin(CreatedMixin, Base):
    """One pinned file. A format with pinned files belongs to the user: no rule adds to it or removes from it."""

    __tablename__ = "pin"

    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), primary_key=True)
    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    format_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("format.id", ondelete="CASCADE"), index=True)
    label: Mapped[str]
    role: Mapped[FormatRole] = mapped_column(checked_text(FormatRole))
    structure: Mapped[str]
    act_id: Mapped[uuid.UUID]
    """The history entry of the action, which undo reverts."""
