"""Folder names as tags: written into a tag cloud field when an asset is ingested."""

import json
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog.history import Operation
from models.catalog.metadata import FieldType, MetadataField, MetadataValue, MetadataViewField
from models.catalog.storage import StorageSettings
from models.core.paths import display_path, parent_path
from models.core.statements import copy_rows
from services.core.history import HistoryEntry, copy_history
from services.ingest.effects import INGEST_ACTOR, IngestWrite

TAG_VALUE_COLUMNS = ("object_id", "object_type", "field_id", "values")
MAX_TAG_CHARACTERS = 1_000
"""As for other values of tag clouds (`services.metadata.types`)."""


def find_folder_tags_field(session: Session, settings: StorageSettings) -> uuid.UUID | None:
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


def folder_names(path: bytes) -> list[str]:
    """Return the names of the folders between the root and a file, without duplicates."""
    folder = parent_path(path)
    names = (display_path(name).strip()[:MAX_TAG_CHARACTERS] for name in folder.split(b"/")) if folder else ()
    return [name for name in dict.fromkeys(names) if name]


def tag_created_assets(session: Session, written: IngestWrite) -> None:
    """Tag the assets of an ingest by the names of their folders, where their storage asks for it.

    The assets are new, so they have no values yet.
    """
    rules = {created.rules.id: created.rules for created in written.created}
    fields = {key: find_folder_tags_field(session, each.settings) for key, each in rules.items()}
    tagged = [
        (created.asset_id, field, names)
        for created in written.created
        if (field := fields[created.rules.id]) is not None and (names := folder_names(created.main_path))
    ]
    if tagged:
        lines = ((asset, "assets", field, json.dumps(names, ensure_ascii=False)) for asset, field, names in tagged)
        # mark_metadata_value_insert marks the documents of the assets.
        copy_rows(session, MetadataValue, TAG_VALUE_COLUMNS, lines)
        text = "tagged by the names of its folders: {}"
        said = [HistoryEntry(asset, Operation.METADATA, text.format(", ".join(names))) for asset, _, names in tagged]
        copy_history(session, said, INGEST_ACTOR)
