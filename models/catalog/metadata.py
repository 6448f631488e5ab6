"""Metadata of objects: typed fields, views that show them, categories, and values.

A value is stored in the JSON form that search documents use too, so that it is never interpreted in two ways.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import Base, IdMixin, TextEnum, TimestampsMixin, checked_text


class FieldType(TextEnum):
    """iconik's twelve types. A field never changes its type, because its values are stored in the form of that type."""

    STRING = "string"
    STRING_EXACT = "string_exact"
    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    DROP_DOWN = "drop_down"
    TAG_CLOUD = "tag_cloud"
    EMAIL = "email"
    URL = "url"


class MetadataField(IdMixin, TimestampsMixin, Base):
    """A metadata field. A deleted field keeps its values, and reappears when its name and type are created again."""

    __tablename__ = "metadata_field"
    __table_args__ = (
        Index("uq_metadata_field_name", "name", unique=True, postgresql_where=text("date_deleted IS NULL")),
    )

    name: Mapped[str]
    """Name in URLs and, after `metadata.`, in searches."""
    label: Mapped[str]
    field_type: Mapped[FieldType] = mapped_column(checked_text(FieldType))
    options: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Options of a drop-down: `{"label", "value"}` in order."""
    required: Mapped[bool] = mapped_column(server_default=text("false"))
    read_only: Mapped[bool] = mapped_column(server_default=text("false"))
    multi: Mapped[bool] = mapped_column(server_default=text("false"))
    sortable: Mapped[bool] = mapped_column(server_default=text("false"))
    use_as_facet: Mapped[bool] = mapped_column(server_default=text("false"))
    min_value: Mapped[float | None]
    max_value: Mapped[float | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Values that clients set and that only clients read: description, external_id, representative, source_url …"""
    date_deleted: Mapped[datetime | None]


class MetadataView(IdMixin, TimestampsMixin, Base):
    """A form: all or some of the fields, in order."""

    __tablename__ = "metadata_view"

    name: Mapped[str]
    description: Mapped[str | None]
    write_access_for_everyone: Mapped[bool] = mapped_column(server_default=text("true"))
    """If false, only administrators may write values through it."""


class MetadataViewField(Base):
    """One field of a view, with the view's overrides."""

    __tablename__ = "metadata_view_field"

    view_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("metadata_view.id", ondelete="CASCADE"), primary_key=True)
    field_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("metadata_field.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int]
    overrides: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


class MetadataCategory(TimestampsMixin, Base):
    """The views of one kind of object, under a name."""

    __tablename__ = "metadata_category"

    object_type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    view_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))


class MetadataValue(TimestampsMixin, Base):
    """All values of one field of one object; no row if there are none. Objects of any kind have values, so there is no
    foreign key; every permanent deletion of an object also deletes these rows."""

    __tablename__ = "metadata_value"

    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    field_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("metadata_field.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
    object_type: Mapped[str] = mapped_column(Text)
    values: Mapped[list[Any]] = mapped_column(JSONB)


class MetadataBulkObject(Base):
    """Objects of a bulk job; stored apart from the job's row, which lists of jobs read whole."""

    __tablename__ = "metadata_bulk_object"

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


def delete_values(session: Session, object_ids: Iterable[uuid.UUID]) -> None:
    """Delete all values of objects that are purged."""
    # mark_metadata_value_delete marks the documents.
    session.execute(text("DELETE FROM metadata_value WHERE object_id = ANY(:ids)"), {"ids": list(object_ids)})
