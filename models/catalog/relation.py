"""Typed links between two assets, directional or not: the seven system types, and custom types."""

import uuid

from sqlalchemy import ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, IdMixin, TimestampsMixin


class RelationType(TimestampsMixin, Base):
    """Type of a relation, with the labels for both directions."""

    __tablename__ = "relation_type"

    name: Mapped[str] = mapped_column(primary_key=True)
    source_label: Mapped[str]
    destination_label: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    is_directional: Mapped[bool] = mapped_column(server_default=text("true"))
    is_system: Mapped[bool] = mapped_column(server_default=text("false"))
    """Built in: cannot be changed or removed."""


class Relation(IdMixin, TimestampsMixin, Base):
    """One relation; `asset_id` is the source. An undirected relation is one row too, found from both ends."""

    __tablename__ = "relation"
    __table_args__ = (UniqueConstraint("asset_id", "relation_type", "related_to_asset_id"),)

    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    relation_type: Mapped[str] = mapped_column(ForeignKey("relation_type.name", ondelete="RESTRICT"), index=True)
    related_to_asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    description: Mapped[str] = mapped_column(server_default="")
