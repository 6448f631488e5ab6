"""Storage changes over HTTP: by administrators only, and only under the roots that the operator allowed."""

import math
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.orm import Session

from models.acl import AclEntry, Actor
from models.asset import FileSet
from models.declared_file import DeclaredFile
from models.storage import FILES, Storage
from models.storage_settings import StorageSettings
from tasks.audit import note
from tasks.collection_backfill import request_mirror
from tasks.refusals import Conflict, Invalid, Missing
from tasks.required_sidecars import release_held
from tasks.storage_references import refuse_unknown
from tasks.storages import NewStorage, StorageError, add_storage, is_inside, readable_root
from tasks.users import require_administrator

KIND = "storages"
THRESHOLD = "growing_files_threshold"
MIRRORS = "enable_collection_directory_mapping"


@dataclass(frozen=True, slots=True)
class StorageWish:
    """Requested values of a storage; None leaves a value unchanged."""

    name: str | None = None
    description: str | None = None
    settings: Mapping[str, Any] | None = None
    purpose: str | None = None


def create_storage(session: Session, wish: StorageWish, allowed: Sequence[Path], actor: Actor) -> Storage:
    """Create a storage owned by the actor, who will own its assets too.

    Raises:
        PermissionDenied: the actor is no administrator.
        ValidationFailed: the folder or a setting is invalid.
    """
    require_administrator(actor, "make storages")
    settings = wish.settings or {}
    mount_point = settings.get("mount_point")
    if not isinstance(mount_point, str) or not mount_point.startswith("/"):
        raise Invalid("settings.mount_point", "a storage needs the absolute path of its folder")
    root = Path(mount_point)
    _refuse_outside(root, allowed)
    try:
        kept = parsed(settings, None)
        new = NewStorage(root, wish.name, kept, owner_id=actor.user_id, purpose=wish.purpose or FILES)
        storage = add_storage(session, new)
    except StorageError as error:
        raise Invalid("settings.mount_point", str(error)) from None
    storage.description = wish.description or ""
    note(session, KIND, storage.id, f'storage "{storage.name}" was made', actor)
    session.flush()
    return storage


def _refuse_outside(root: Path, allowed: Sequence[Path]) -> None:
    """Refuse missing and forbidden folders with the same message, so that the API does not reveal what is on disk."""
    try:
        real = readable_root(root)
    except StorageError:
        real = b""
    if not any(is_inside(real, os.path.realpath(os.fsencode(folder))) for folder in allowed):
        raise Invalid(
            "settings.mount_point",
            "the folder does not exist, or lies under none of the roots that the operator allowed "
            "(TAPELESS_STORAGE_ROOTS)",
        )


def change_storage(session: Session, storage_id: uuid.UUID, wish: StorageWish, actor: Actor) -> Storage:
    """Change name, description and settings of a storage; its folder never changes."""
    require_administrator(actor, "change storages")
    storage = find_storage_row(session, storage_id, lock=True)
    if wish.purpose not in (None, storage.purpose):
        raise Invalid("purpose", f'never changes; that of the storage "{storage.name}" is {storage.purpose}')
    told = []
    if wish.name is not None and wish.name != storage.name:
        if session.scalar(select(exists().where(Storage.name == wish.name))):
            raise Invalid("name", f'a storage named "{wish.name}" exists already')
        storage.name = wish.name
        told.append("name")
    if wish.description is not None and wish.description != storage.description:
        storage.description = wish.description
        told.append("description")
    if wish.settings is not None:
        told += _set(session, storage, parsed(wish.settings, storage), actor)
    _tell(session, storage, told, actor)
    return storage


def set_settings(session: Session, storage: Storage, settings: StorageSettings, actor: Actor) -> bool:
    """Replace a storage's settings; return whether they changed."""
    require_administrator(actor, "change storages")
    # FOR UPDATE: the comparison with the stored settings and the write must not interleave with another change.
    session.refresh(storage, with_for_update=True)
    told = _set(session, storage, settings, actor)
    _tell(session, storage, told, actor)
    return bool(told)


def _set(session: Session, storage: Storage, wanted: StorageSettings, actor: Actor) -> list[str]:
    settings = wanted.model_dump(mode="json", exclude_defaults=True)
    if settings == storage.settings:
        return []
    before = StorageSettings.model_validate(storage.settings)
    refuse_unknown(session, wanted, before)
    if before.sidecar_metadata_required and not wanted.sidecar_metadata_required:
        release_held(session, storage.id)
    if settings.get(MIRRORS) and not storage.settings.get(MIRRORS):
        request_mirror(session, storage, actor)
    storage.settings = settings
    return ["settings"]


def _tell(session: Session, storage: Storage, told: Sequence[str], actor: Actor) -> None:
    if told:
        storage.date_modified = func.now()  # type: ignore[assignment]
        note(session, KIND, storage.id, f'storage "{storage.name}": changed {", ".join(told)}', actor)
        session.flush()


def parsed(given: Mapping[str, Any], storage: Storage | None) -> StorageSettings:
    """Merge sent settings over the stored ones.

    Unknown keys are ignored, because clients write back whole objects. The threshold is displayed rounded up, so the
    rounded value is no change.
    """
    before = StorageSettings.model_validate(storage.settings if storage else {})
    known = {name: value for name, value in given.items() if name in StorageSettings.model_fields and value is not None}
    if known.get(THRESHOLD) == math.ceil(before.growing_files_threshold):
        known[THRESHOLD] = before.growing_files_threshold
    try:
        return StorageSettings.model_validate({**before.model_dump(), **known})
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(".".join(["settings", *map(str, first["loc"])]), first["msg"]) from None


def find_storage_row(session: Session, storage_id: uuid.UUID, *, lock: bool = False) -> Storage:
    """Return a storage by id, locked FOR UPDATE if `lock`."""
    storage = session.get(Storage, storage_id, with_for_update=lock)
    if storage is None:
        raise Missing("storage", storage_id)
    return storage


def delete_storage(session: Session, storage_id: uuid.UUID, actor: Actor) -> None:
    """Delete a storage without assets; nothing is deleted from disk.

    Raises:
        Conflict: files of the storage belong to assets.
    """
    require_administrator(actor, "delete storages")
    storage = find_storage_row(session, storage_id, lock=True)
    grouped = exists().where(FileSet.storage_id == storage_id)
    declared = exists().where(DeclaredFile.storage_id == storage_id, DeclaredFile.asset_id.is_not(None))
    if session.scalar(select(or_(grouped, declared))):
        raise Conflict(f'storage "{storage.name}" holds files of assets; purge those assets first')
    session.execute(delete(AclEntry).where(AclEntry.object_type == KIND, AclEntry.object_id == storage_id))
    session.delete(storage)
    note(session, KIND, storage_id, f'storage "{storage.name}" was deleted', actor)
