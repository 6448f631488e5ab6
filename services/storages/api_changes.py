"""Storage changes over HTTP: by administrators only, and only under the roots that the operator allowed; and the files
that clients declare on a storage, as rows only, because nothing is written to a watched root."""

import math
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.storage import PURPOSE_FILES, Storage, StorageSettings, StorageStatus
from models.core.paths import is_path_inside
from models.queues.island import release_waiting_islands
from services.access.permissions import find_acl_object
from services.catalog.assets.files import (
    FileView,
    build_declared_file,
    declare_file,
    declared_file_view,
)
from services.catalog.collections.folder_mirror import request_mirror_backfill
from services.core.audit_log import record_audit
from services.core.errors import ValidationFailed, require_administrator
from services.core.rows import apply_changes, load, save_audited
from services.storages.storages import (
    STORAGE_KIND,
    NewStorage,
    StorageError,
    add_storage,
    refuse_unknown_references,
    request_scan,
    resolve_readable_root,
)

GROWING_THRESHOLD_SETTING = "growing_files_threshold"
FOLDER_MIRROR_SETTING = "enable_collection_directory_mapping"


@dataclass(frozen=True, slots=True)
class StorageSpec:
    """Requested values of a storage; None leaves a value unchanged."""

    name: str | None = None
    description: str | None = None
    settings: Mapping[str, Any] | None = None
    purpose: str | None = None


def create_storage(session: Session, wish: StorageSpec, allowed: Sequence[Path], actor: Actor) -> Storage:
    """Create a storage owned by the actor, who will own its assets too.

    Raises:
        PermissionDenied: the actor is no administrator.
        ValidationFailed: the folder or a setting is invalid.
    """
    require_administrator(actor, "make storages")
    settings = wish.settings or {}
    mount_point = settings.get("mount_point")
    if not isinstance(mount_point, str) or not mount_point.startswith("/"):
        raise ValidationFailed("settings.mount_point", "a storage needs the absolute path of its folder")
    root = Path(mount_point)
    _refuse_outside(root, allowed)
    try:
        kept = merge_storage_settings(settings, None)
        new = NewStorage(root, wish.name, kept, owner_id=actor.user_id, purpose=wish.purpose or PURPOSE_FILES)
        storage = add_storage(session, new)
    except StorageError as error:
        raise ValidationFailed("settings.mount_point", str(error)) from None
    storage.description = wish.description or ""
    return save_audited(session, storage, STORAGE_KIND, storage.id, f'storage "{storage.name}" was created', actor)


def _refuse_outside(root: Path, allowed: Sequence[Path]) -> None:
    """Refuse missing and forbidden folders with the same message, so that the API does not reveal what is on disk."""
    try:
        real = resolve_readable_root(root)
    except StorageError:
        real = b""
    if not any(is_path_inside(real, os.path.realpath(os.fsencode(folder))) for folder in allowed):
        raise ValidationFailed(
            "settings.mount_point",
            "the folder does not exist, or lies under none of the roots that the operator allowed "
            "(TAPELESS_STORAGE_ROOTS)",
        )


def update_storage(session: Session, storage_id: uuid.UUID, wish: StorageSpec, actor: Actor) -> Storage:
    """Change name, description and settings of a storage; its folder never changes."""
    require_administrator(actor, "change storages")
    storage = get_storage_by_id(session, storage_id, lock=True)
    if wish.purpose not in (None, storage.purpose):
        raise ValidationFailed("purpose", f'never changes; that of the storage "{storage.name}" is {storage.purpose}')
    is_renamed = wish.name not in (None, storage.name)
    if is_renamed and session.scalar(select(exists().where(Storage.name == wish.name))):
        raise ValidationFailed("name", f'a storage named "{wish.name}" exists already')
    given = {"name": wish.name, "description": wish.description}
    told = list(apply_changes(storage, {name: value for name, value in given.items() if value is not None}))
    if wish.settings is not None:
        told += _apply_settings(session, storage, merge_storage_settings(wish.settings, storage), actor)
    _record_storage_change(session, storage, told, actor)
    return storage


def pause_storage(session: Session, storage: Storage, actor: Actor, *, is_paused: bool) -> bool:
    """Stop watching a storage, or go on with a scan; return whether that changed anything. Its assets stay as they are:
    nothing is marked missing meanwhile."""
    require_administrator(actor, "pause storages")
    session.refresh(storage, with_for_update=True)
    if (storage.status is StorageStatus.INACTIVE) == is_paused:
        return False
    storage.status = StorageStatus.INACTIVE if is_paused else StorageStatus.ACTIVE
    if not is_paused:
        request_scan(session, [storage])
    told = f'storage "{storage.name}" was {"paused" if is_paused else "resumed"}'
    save_audited(session, storage, STORAGE_KIND, storage.id, told, actor)
    return True


def set_storage_settings(session: Session, storage: Storage, settings: StorageSettings, actor: Actor) -> bool:
    """Replace a storage's settings; return whether they changed."""
    require_administrator(actor, "change storages")
    # FOR UPDATE: the comparison with the stored settings and the write must not interleave with another change.
    session.refresh(storage, with_for_update=True)
    told = _apply_settings(session, storage, settings, actor)
    _record_storage_change(session, storage, told, actor)
    return bool(told)


def _apply_settings(session: Session, storage: Storage, wanted: StorageSettings, actor: Actor) -> list[str]:
    settings = wanted.model_dump(mode="json", exclude_defaults=True)
    if settings == storage.settings:
        return []
    before = StorageSettings.model_validate(storage.settings)
    refuse_unknown_references(session, wanted, before)
    if before.sidecar_metadata_required and not wanted.sidecar_metadata_required:
        release_waiting_islands(session, storage.id)
    if settings.get(FOLDER_MIRROR_SETTING) and not storage.settings.get(FOLDER_MIRROR_SETTING):
        request_mirror_backfill(session, storage, actor)
    storage.settings = settings
    return ["settings"]


def _record_storage_change(session: Session, storage: Storage, told: Sequence[str], actor: Actor) -> None:
    if told:
        text = f'storage "{storage.name}": changed {", ".join(told)}'
        save_audited(session, storage, STORAGE_KIND, storage.id, text, actor)


def merge_storage_settings(given: Mapping[str, Any], storage: Storage | None) -> StorageSettings:
    """Merge sent settings over the stored ones.

    Unknown keys are ignored, because clients write back whole objects. The threshold is displayed rounded up, so the
    rounded value is no change.
    """
    before = StorageSettings.model_validate(storage.settings if storage else {})
    known = {name: value for name, value in given.items() if name in StorageSettings.model_fields and value is not None}
    if known.get(GROWING_THRESHOLD_SETTING) == math.ceil(before.growing_files_threshold):
        known[GROWING_THRESHOLD_SETTING] = before.growing_files_threshold
    try:
        return StorageSettings.model_validate({**before.model_dump(), **known})
    except ValidationError as error:
        first = error.errors()[0]
        raise ValidationFailed(".".join(["settings", *map(str, first["loc"])]), first["msg"]) from None


def get_storage_by_id(session: Session, storage_id: uuid.UUID, *, lock: bool = False) -> Storage:
    """Return a storage by id, locked FOR UPDATE if `lock`."""
    return load(session, Storage, storage_id, "storage", lock=lock)


def declare_storage_file(session: Session, storage_id: uuid.UUID, values: Mapping[str, Any], actor: Actor) -> FileView:
    """Declare a file on a storage; requires write permission on the storage."""
    find_acl_object(session, actor, STORAGE_KIND, str(storage_id), Permission.WRITE)
    file = build_declared_file({**values, "storage_id": storage_id}, actor)
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
