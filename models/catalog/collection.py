"""Collections: a tree that users sort assets into; an asset is in any number of them.

Each collection stores its whole path beside its parent. Inherited rights, descendants, ancestors, depth and the check
for cycles on a move then need one array operation each, not a recursive query. Moving rewrites the paths of all
descendants, which is rare; the other operations happen on every request.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, CreatedMixin, IdMixin, TextEnum, TimestampsMixin, checked_text

MAX_COLLECTION_DEPTH = 50
"""Levels of collections, including the root."""

COLLECTION_KIND = "collections"
"""Name of the object type in ACLs, history and the API."""


class CollectionStatus(TextEnum):
    ACTIVE = "ACTIVE"
    DELETED = "DELETED"
    HIDDEN = "HIDDEN"
    """iconik's value; never set here."""


class Collection(IdMixin, TimestampsMixin, Base):
    """A node of the tree. `path` contains the ids from the root to the collection itself."""

    __tablename__ = "collection"
    __table_args__ = (
        CheckConstraint(f"cardinality(path) BETWEEN 1 AND {MAX_COLLECTION_DEPTH}", name="depth"),
        CheckConstraint("path[cardinality(path)] = id", name="path"),
        Index("ix_collection_path", "path", postgresql_using="gin"),
        Index(None, "parent_id"),
        Index(None, "external_id", postgresql_where=text("external_id IS NOT NULL")),
        Index(None, "folder_id", unique=True, postgresql_where=text("folder_id IS NOT NULL")),
    )

    title: Mapped[str]
    external_id: Mapped[str | None]
    status: Mapped[CollectionStatus] = mapped_column(checked_text(CollectionStatus), server_default="ACTIVE")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("collection.id"))
    path: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    position: Mapped[int | None]
    """Position among the content of its parent; null sorts last."""
    storage_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("storage.id", ondelete="SET NULL"), index=True)
    folder_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="SET NULL"))
    """The folder that it mirrors; null for collections created by users."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Values that clients set and that only clients read (category, custom_keyframe …)."""
    created_by_user: Mapped[uuid.UUID | None]
    deleted_by_user: Mapped[uuid.UUID | None]
    date_deleted: Mapped[datetime | None]


class CollectionAsset(CreatedMixin, Base):
    """Membership of an asset in a collection."""

    __tablename__ = "collection_asset"
    __table_args__ = (Index(None, "asset_id"),)

    collection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True)
    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True)
    carries_rights: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether rights that propagate from the collection reach the asset. True only if the user who added it could grant
    rights on it; assets added by users with read access alone, or by a merge, are listed without passing on rights."""
    mirrors_folder: Mapped[bool] = mapped_column(server_default=text("false"))
    """Created by folder mirroring, because files of the asset are in the collection's folder. Mirroring leaves
    memberships that users created alone."""
    position: Mapped[int | None]
    added_by_user: Mapped[uuid.UUID | None]


class Favorite(CreatedMixin, Base):
    """An object that a user marked as a favourite."""

    __tablename__ = "favorite"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
