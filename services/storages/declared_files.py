"""Declared files of a storage, with or without an asset: rows only, because nothing is written to a watched root."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.declared_file import DeclaredFile
from models.core.base import new_id
from services.access.permissions import find_acl_object
from services.catalog.assets.files import (
    FileView,
    declare_file,
    declared_file_view,
    refuse_unsafe_name,
    refuse_unsafe_path,
)
from services.core.audit_log import record_audit
from services.storages.api_changes import STORAGE_KIND


def declare_storage_file(session: Session, storage_id: uuid.UUID, values: Mapping[str, Any], actor: Actor) -> FileView:
    """Declare a file on a storage; requires write permission on the storage."""
    find_acl_object(session, actor, STORAGE_KIND, str(storage_id), Permission.WRITE)
    refuse_unsafe_path("directory_path", values.get("directory_path", ""))
    refuse_unsafe_name("original_name", values["original_name"])
    file = DeclaredFile(
        id=new_id(),
        asset_id=None,
        file_set_id=None,
        user_id=actor.user_id,
        **{"name": values["original_name"], **values, "storage_id": storage_id},
    )
    session.add(file)
    record_audit(session, STORAGE_KIND, storage_id, f'file "{file.original_name}" was declared', actor)
    session.flush()
    return declared_file_view(file, None)


def declare_storage_file_in_asset(
    session: Session,
    storage_id: uuid.UUID,
    asset_id: uuid.UUID,
    file_set_id: uuid.UUID,
    values: Mapping[str, Any],
    actor: Actor,
) -> FileView:
    """Declare a file of a file set on a storage; requires write permission on the storage and the asset."""
    find_acl_object(session, actor, STORAGE_KIND, str(storage_id), Permission.WRITE)
    return declare_file(session, asset_id, file_set_id, {**values, "storage_id": storage_id}, actor)
