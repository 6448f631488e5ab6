"""References of storage settings: metadata view, tag field and ACL template must exist when a setting is changed."""

import uuid

from sqlalchemy.orm import Session

from models.access.acl import AclTemplate
from models.catalog.metadata import MetadataView
from models.catalog.storage_settings import StorageSettings
from services.core.errors import ValidationFailed
from services.metadata.folder_tags import find_folder_tags_field

REFERENCE_SETTINGS = {
    "metadata_view_id": (MetadataView, "metadata view"),
    "folder_name_tags_metadata_view_id": (MetadataView, "metadata view"),
    "acl_template_id": (AclTemplate, "ACL template"),
}


def refuse_unknown_references(session: Session, wanted: StorageSettings, before: StorageSettings) -> None:
    """Check the references of changed settings; unchanged ones may have been deleted since.

    Raises:
        ValidationFailed: names the setting and the missing object.
    """
    for setting, (table, noun) in REFERENCE_SETTINGS.items():
        named: uuid.UUID | None = getattr(wanted, setting)
        if named is not None and named != getattr(before, setting) and session.get(table, named) is None:
            raise ValidationFailed(f"settings.{setting}", f"{noun} {named} does not exist")
    name = wanted.folder_name_tags_metadata_field_name
    is_new = name != before.folder_name_tags_metadata_field_name
    if name is not None and is_new and find_folder_tags_field(session, wanted) is None:
        where = " in its view" if wanted.folder_name_tags_metadata_view_id else ""
        raise ValidationFailed(
            "settings.folder_name_tags_metadata_field_name",
            f'there is no metadata field "{name[:80]}" of the type tag_cloud{where}',
        )
