"""Declared files of a storage, with or without an asset: rows only, because nothing is written to a watched root."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from models.acl import Actor, Permission
from models.base import new_id
from models.declared_file import DeclaredFile
from tasks.acls import find_object
from tasks.audit import note
from tasks.files import FileView, declare_file, refuse_name, refuse_path, view_of_declared
from tasks.storage_changes import KIND


def declare_on_storage(session: Session, storage_id: uuid.UUID, values: Mapping[str, Any], actor: Actor) -> FileView:
    """Declare a file on a storage; requires write permission on the storage."""
    find_object(session, actor, KIND, str(storage_id), Permission.WRITE)
    refuse_path("directory_path", values.get("directory_path", ""))
    refuse_name("original_name", values["original_name"])
    file = DeclaredFile(
        id=new_id(),
        asset_id=None,
        file_set_id=None,
        user_id=actor.user_id,
        **{"name": values["original_name"], **values, "storage_id": storage_id},
    )
    session.add(file)
    note(session, KIND, storage_id, f'file "{file.original_name}" was declared', actor)
    session.flush()
    return view_of_declared(file, None)


def declare_in_asset(
    session: Session,
    storage_id: uuid.UUID,
    asset_id: uuid.UUID,
    file_set_id: uuid.UUID,
    values: Mapping[str, Any],
    actor: Actor,
) -> FileView:
    """Declare a file of a file set on a storage; requires write permission on the storage and the asset."""
    find_object(session, actor, KIND, str(storage_id), Permission.WRITE)
    return declare_file(session, asset_id, file_set_id, {**values, "storage_id": storage_id}, actor)
