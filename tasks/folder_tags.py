"""Folder names as tags: written into a tag cloud field when an asset is ingested."""

import json
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.bulk import copy_rows
from models.metadata import FieldType, MetadataField, MetadataValue, MetadataViewField
from models.paths import display_text, parent_of
from models.storage_settings import StorageSettings

COLUMNS = ("object_id", "object_type", "field_id", "values")
LONGEST = 1_000
"""As for other values of tag clouds (`services.metadata.types`)."""

TagRow = tuple[uuid.UUID, uuid.UUID, Sequence[str]]
"""An asset, a field and its tags."""


def folder_tags_field(session: Session, settings: StorageSettings) -> uuid.UUID | None:
    """Return the field for a storage's folder names; None if it is not configured, does not exist or is not in the
    view."""
    name = settings.folder_name_tags_metadata_field_name
    if name is None:
        return None
    query = select(MetadataField.id).where(
        MetadataField.name == name,
        MetadataField.field_type == FieldType.TAG_CLOUD,
        MetadataField.date_deleted.is_(None),
    )
    if settings.folder_name_tags_metadata_view_id is not None:
        query = query.join(MetadataViewField, MetadataViewField.field_id == MetadataField.id).where(
            MetadataViewField.view_id == settings.folder_name_tags_metadata_view_id
        )
    return session.scalar(query)


def tags_of(path: bytes) -> list[str]:
    """Return the names of the folders between the root and a file, without duplicates."""
    folder = parent_of(path)
    names = (display_text(name).strip()[:LONGEST] for name in folder.split(b"/")) if folder else ()
    return [name for name in dict.fromkeys(names) if name]


def write_tags(session: Session, rows: Sequence[TagRow]) -> None:
    """Insert the tags of new assets, which have no values yet."""
    if rows:
        lines = ((asset, "assets", field, json.dumps(tags, ensure_ascii=False)) for asset, field, tags in rows)
        # mark_metadata_value_insert marks the documents of the assets.
        copy_rows(session, MetadataValue, COLUMNS, lines)
