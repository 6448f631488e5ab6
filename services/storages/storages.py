"""Storages: create and find them, request scans, confirm deletions. The watcher polls the rows."""

import difflib
import json
import os
import pwd
import shlex
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import get_origin

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from grouping import DEFAULT_PROFILE, Profile
from models.access.acl import AclTemplate
from models.catalog.metadata import MetadataView
from models.catalog.storage import PURPOSE_FILES, PURPOSE_PROXIES, Storage, StorageSettings, StorageStatus
from models.core.capabilities import right_to_read
from models.core.paths import display_path, is_path_inside
from services.access.users import first_administrator_id
from services.core.errors import DomainError, ValidationFailed
from services.core.folder_markers import is_folder_writable
from services.core.id_prefix import id_range
from services.metadata.folder_tags import find_folder_tags_field
from watch.status import ROOT_ABSENT_MESSAGE

STORAGE_KIND = "storages"
DEFAULT_STORAGE_SETTINGS = StorageSettings()
IS_PRESENT = Storage.removed_at.is_(None)
"""Condition on a storage: it was not removed."""


class StorageError(DomainError):
    """A storage cannot be created or found; the text names it, the reason and the next step."""


@dataclass(frozen=True, slots=True)
class NewStorage:
    """Values of a storage to create."""

    root: Path
    name: str | None = None
    settings: StorageSettings = DEFAULT_STORAGE_SETTINGS
    profile: Profile = DEFAULT_PROFILE
    owner_id: uuid.UUID | None = None
    purpose: str = PURPOSE_FILES


def add_storage(session: Session, new: NewStorage, forbidden: Iterable[Path] = ()) -> Storage:
    """Create a storage.

    Args:
        forbidden: Tapeless's own folders (the data folder); a root inside one would ingest Tapeless's own output.

    Raises:
        StorageError: the folder cannot be watched or overlaps another storage, or the name is in use.
    """
    root = resolve_readable_root(new.root)
    forbidden = list(forbidden)
    _refuse_own_folders(root, forbidden)
    if new.purpose == PURPOSE_PROXIES and not is_folder_writable(root):
        raise StorageError(
            f'folder "{new.root}": cannot be written; renditions are kept there, so give write permission to the user '
            f"that runs Tapeless ({_own_user_name()})"
        )
    refuse_unknown_references(session, new.settings, DEFAULT_STORAGE_SETTINGS)
    # Overlap is no database constraint, and two concurrent inserts do not see each other: serialize creation.
    session.execute(select(func.pg_advisory_xact_lock(_ADD_STORAGE_LOCK_ID)))
    others = session.scalars(select(Storage).where(IS_PRESENT)).all()
    # Tapeless's own rendition storage is in the data folder, which is never watched, so overlaps do not matter.
    own = [os.path.realpath(os.fsencode(folder)) for folder in forbidden]
    _refuse_overlap(
        root, [one for one in others if not any(is_path_inside(one.absolute_root, folder) for folder in own)]
    )
    name = new.name or _unused_storage_name(root, {other.name for other in others})
    if any(other.name == name for other in others):
        raise StorageError(f'storage "{name}": there is one of this name already; give another with --name')
    # One that was removed from this folder comes back, with the assets of the files that are still there.
    storage = session.scalar(select(Storage).where(Storage.root == root)) or Storage(root=root)
    storage.name, storage.purpose = name, new.purpose
    storage.settings = new.settings.model_dump(mode="json", exclude_defaults=True)
    profile = new.profile.model_dump(mode="json", exclude_defaults=True)
    if storage.removed_at is None:
        storage.profile = profile
    elif storage.profile != profile:
        raise StorageError(
            f'folder "{new.root}": was a storage with other grouping rules, and its assets follow those; add it with '
            "its former profile, and change it with `tapeless storage profile`"
        )
    storage.owner_id = new.owner_id or first_administrator_id(session)
    storage.removed_at, storage.status = None, StorageStatus.ACTIVE
    storage.root_device = storage.root_inode = storage.last_scanned = storage.scan_started_at = None
    session.add(storage)
    session.flush()
    return storage


_ADD_STORAGE_LOCK_ID = 7_411_035
"""Advisory lock id of storage creation."""


def ensure_storage(session: Session, root: Path, forbidden: Iterable[Path] = ()) -> Storage:
    """Return the storage with this root folder; create it if it does not exist. Idempotent."""
    real = resolve_readable_root(root)
    found = session.scalar(select(Storage).where(Storage.root == real, IS_PRESENT))
    return found or add_storage(session, NewStorage(root), forbidden)


def resolve_readable_root(root: Path) -> bytes:
    """Return the real path of a folder that can be watched.

    Raises:
        StorageError: the folder does not exist, is a file or cannot be read.
    """
    try:
        with right_to_read():
            real = os.path.realpath(os.fsencode(root), strict=True)
            with os.scandir(real):
                return real
    except FileNotFoundError:
        raise StorageError(f'folder "{root}": no such folder; make it, or mount what belongs there') from None
    except NotADirectoryError:
        raise StorageError(f'folder "{root}": is a file; give the folder that holds it') from None
    except OSError as error:
        raise StorageError(
            f'folder "{root}": cannot be read ({error.strerror}); give read permission to the user that runs Tapeless '
            f"({_own_user_name()})"
        ) from None


def _own_user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user id {os.geteuid()}"


def _refuse_own_folders(root: bytes, forbidden: Iterable[Path]) -> None:
    for folder in forbidden:
        if is_path_inside(root, os.path.realpath(os.fsencode(folder))):
            raise StorageError(
                f'folder "{display_path(root)}": lies in Tapeless\'s own folder "{folder}"; watch another'
            )


def _refuse_overlap(root: bytes, others: Sequence[Storage]) -> None:
    for other in others:
        if is_path_inside(root, other.absolute_root) or is_path_inside(other.absolute_root, root):
            raise StorageError(
                f'folder "{display_path(root)}": overlaps storage "{other.name}" '
                f'("{display_path(other.absolute_root)}"); a file must belong to one storage'
            )


def _unused_storage_name(root: bytes, taken: set[str]) -> str:
    name = display_path(os.path.basename(root)) or "root"
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def find_storage_by_name(session: Session, name: str) -> Storage:
    """Return the storage with this name, id, or only beginning of an id.

    Raises:
        StorageError: not found; the text lists the known storages.
    """
    storages = session.scalars(select(Storage).where(IS_PRESENT).order_by(Storage.name)).all()
    for storage in storages:
        if name in (storage.name, str(storage.id)):
            return storage
    limits = id_range(name)
    begun = [storage for storage in storages if limits is not None and limits[0] <= storage.id <= limits[1]]
    if len(begun) == 1:
        return begun[0]
    if begun:
        named = "; ".join(f'{storage.id} "{storage.name}"' for storage in begun)
        raise StorageError(f'storage "{name}": more than one id begins so; give more digits: {named}')
    known = ", ".join(f'"{storage.name}"' for storage in storages) or "none"
    raise StorageError(f'storage "{name}": there is no such storage; known are {known}')


def find_storage_of_path(session: Session, path: bytes) -> Storage | None:
    """Return the storage that contains an absolute path of this machine."""
    storages = session.scalars(select(Storage).where(IS_PRESENT))
    return next((storage for storage in storages if is_path_inside(path, storage.place)), None)


def relative_to_storage(storage: Storage, path: bytes) -> bytes | None:
    """Return an absolute path relative to the storage's root, None if it is outside.

    The root may be the mount point on this machine or the path under which the storage was added.
    """
    for root in (storage.place, storage.absolute_root):
        if is_path_inside(path, root):
            return path[len(root) :].strip(b"/")
    return None


def request_scan(session: Session, storages: Iterable[Storage]) -> None:
    """Request an immediate scan from the watcher; storages for renditions are never scanned."""
    for storage in storages:
        if storage.purpose == PURPOSE_FILES:
            storage.scan_requested_at = func.now()


def confirm_deletions(session: Session, storage: Storage) -> tuple[str | None, int]:
    """Confirm that vanished files are deleted, or that another disk is at the root.

    Returns:
        The reason for which the storage was frozen, if it was, and the number of missing files that are no problem now.

    Raises:
        StorageError: its folder is not there, so nothing can be compared with it, or it is paused.
    """
    if ROOT_ABSENT_MESSAGE in storage.status_message:
        raise StorageError(
            f'storage "{storage.name}": its folder "{display_path(storage.absolute_root)}" is not there, so nothing '
            "can be confirmed; mount it, or if it is gone for good, take its assets offline: "
            f"tapeless storage remove {shlex.quote(storage.name)}"
        )
    if storage.status is StorageStatus.INACTIVE:
        raise StorageError(f'storage "{storage.name}": is paused; resume it first, and confirm what it reports then')
    missing = session.scalar(COUNT_UNCONFIRMED, {"storage": storage.id}) or 0
    reason = storage.frozen_reason or (storage.status_message or None)
    storage.accept_requested_at = storage.deletions_confirmed_at = func.now()
    return reason, missing


IS_UNCONFIRMED = """file.status = 'MISSING' AND storage.removed_at IS NULL
    AND file.date_modified > coalesce(storage.deletions_confirmed_at, CAST('-infinity' AS timestamptz))"""
"""SQL condition on a file and its storage: it is missing, and no person confirmed that it was deleted."""
COUNT_UNCONFIRMED = text(f"""
    SELECT count(*) FROM file JOIN folder ON folder.id = file.folder_id JOIN storage ON storage.id = folder.storage_id
    WHERE storage.id = :storage AND {IS_UNCONFIRMED}
""")


def _parse_setting_value(key: str, value: str) -> object:
    """Return a command line value as it is, or parsed if it is a JSON object."""
    if not value.startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise StorageError(f'setting "{key}": is no JSON object ({error})') from None


def parse_storage_settings(
    pairs: Iterable[str], before: Mapping[str, object] = MappingProxyType({})
) -> StorageSettings:
    """Parse settings given as `key=value` over those of `before`; lists have commas, an empty value resets to default.

    Raises:
        StorageError: names the key and its fault.
    """
    values = dict(before)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise StorageError(f'setting "{pair}": write it as key=value')
        if key not in StorageSettings.model_fields:
            near = difflib.get_close_matches(key, StorageSettings.model_fields, n=1)
            meant = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(StorageSettings.model_fields)}"
            raise StorageError(f'setting "{key}": there is no such setting; {meant}')
        is_list = get_origin(StorageSettings.model_fields[key].annotation) is tuple
        values[key] = [part for part in value.split(",") if part] if is_list else _parse_setting_value(key, value)
        if not value:
            del values[key]
    try:
        return StorageSettings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise StorageError(f"settings: {problems}") from None


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
