"""Collections: a tree that people sort assets into; an asset is in none, one or more of them.

Why each collection keeps its whole path beside its parent: whose rights reach what is inside, what lies below a
collection, its ancestors, its depth, and whether a move would close a ring are then one array each, not a recursion.
A move rewrites the paths below it, which is rare; all the rest happens with every request.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Created, Id, Word, checked_text

DEEPEST = 50
"""Levels of collections, the root counted."""


class CollectionStatus(Word):
    ACTIVE = "ACTIVE"
    DELETED = "DELETED"
    HIDDEN = "HIDDEN"
    """iconik's word; nothing here sets it."""


class Collection(Base):
    """A named place in the tree. `path` runs from its root to itself, both included."""

    __tablename__ = "collection"
    __table_args__ = (
        CheckConstraint(f"cardinality(path) BETWEEN 1 AND {DEEPEST}", name="depth"),
        CheckConstraint("path[cardinality(path)] = id", name="path"),
        Index("ix_collection_path", "path", postgresql_using="gin"),
        Index(None, "parent_id"),
        Index(None, "external_id", postgresql_where=text("external_id IS NOT NULL")),
        Index(None, "folder_id", unique=True, postgresql_where=text("folder_id IS NOT NULL")),
    )

    id: Mapped[Id]
    title: Mapped[str]
    external_id: Mapped[str | None]
    status: Mapped[CollectionStatus] = mapped_column(checked_text(CollectionStatus), server_default="ACTIVE")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("collection.id"))
    path: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    position: Mapped[int | None]
    """Among what its parent holds; null comes last."""
    storage_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("storage.id", ondelete="SET NULL"), index=True)
    folder_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="SET NULL"))
    """The folder that it mirrors; null where a person made it."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What clients set and only clients read back (category, custom_keyframe …)."""
    created_by_user: Mapped[uuid.UUID | None]
    deleted_by_user: Mapped[uuid.UUID | None]
    date_created: Mapped[Created]
    date_modified: Mapped[Created]
    date_deleted: Mapped[datetime | None]


class CollectionAsset(Base):
    """An asset is in a collection."""

    __tablename__ = "collection_asset"
    __table_args__ = (Index(None, "asset_id"),)

    collection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True)
    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True)
    carries_rights: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether rights that propagate from its collections reach the asset: who put it in could give rights on it. What
    somebody who only reads it put in, or a merge brought along, is listed and no more."""
    mirrors_folder: Mapped[bool] = mapped_column(server_default=text("false"))
    """It is here because its files are in the collection's folder; a person's own placing is none of the mirror's."""
    position: Mapped[int | None]
    added_by_user: Mapped[uuid.UUID | None]
    date_created: Mapped[Created]


class Favorite(Base):
    """What a user marked to find it again."""

    __tablename__ = "favorite"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    date_created: Mapped[Created]
