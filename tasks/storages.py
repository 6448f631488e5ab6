"""Storages: made, listed, scanned on request, and accepted after a loss; the watcher follows the rows."""

import difflib
import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import get_origin

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.paths import display_text
from models.storage import FILES, PROXIES, Storage
from models.storage_settings import StorageSettings
from tasks.refusals import Refusal
from tasks.storage_references import refuse_unknown
from tasks.users import first_administrator
from watch.grouping import DEFAULT_PROFILE, Profile

DEFAULT_SETTINGS = StorageSettings()


class StorageError(Refusal):
    """A storage cannot be made or found; the text names it, the reason and the next step."""


@dataclass(frozen=True, slots=True)
class NewStorage:
    """What a person gives for a storage."""

    root: Path
    name: str | None = None
    settings: StorageSettings = DEFAULT_SETTINGS
    profile: Profile = DEFAULT_PROFILE
    owner_id: uuid.UUID | None = None
    purpose: str = FILES


def add_storage(session: Session, new: NewStorage, forbidden: Iterable[Path] = ()) -> Storage:
    """Make a storage row; StorageError where the folder cannot be watched or overlaps another.

    `forbidden` are folders of our own (the data folder): a root inside one would ingest what we write.
    """
    root = readable_root(new.root)
    forbidden = list(forbidden)
    _refuse_own_folders(root, forbidden)
    if new.purpose == PROXIES and not os.access(root, os.W_OK | os.X_OK):
        raise StorageError(
            f'folder "{new.root}": cannot be written; renditions are kept there, so give write permission to the user '
            "that runs Tapeless"
        )
    refuse_unknown(session, new.settings, DEFAULT_SETTINGS)
    session.execute(select(func.pg_advisory_xact_lock(_ADD_LOCK)))
    others = session.scalars(select(Storage)).all()
    # Our own folder for renditions lies in the data folder, which no watcher enters.
    own = [os.path.realpath(os.fsencode(folder)) for folder in forbidden]
    _refuse_overlap(root, [other for other in others if not any(is_inside(other.root, folder) for folder in own)])
    name = new.name or _free_name(root, {other.name for other in others})
    if any(other.name == name for other in others):
        raise StorageError(f'storage "{name}": there is one of this name already; give another with --name')
    storage = Storage(
        name=name,
        root=root,
        settings=new.settings.model_dump(mode="json", exclude_defaults=True),
        profile=new.profile.model_dump(mode="json", exclude_defaults=True),
        owner_id=new.owner_id or first_administrator(session),
        purpose=new.purpose,
    )
    session.add(storage)
    session.flush()
    return storage


_ADD_LOCK = 7_411_032
"""Advisory lock of storage creation: two at once could overlap unseen."""


def ensure_storage(session: Session, root: Path, forbidden: Iterable[Path] = ()) -> Storage:
    """The storage of a folder, made where there is none: starting twice on one folder is one storage."""
    real = readable_root(root)
    found = session.scalar(select(Storage).where(Storage.root == real))
    return found or add_storage(session, NewStorage(root), forbidden)


def readable_root(root: Path) -> bytes:
    """The real path of a folder that can be watched."""
    try:
        real = os.path.realpath(os.fsencode(root), strict=True)
        with os.scandir(real):
            return real
    except FileNotFoundError:
        raise StorageError(f'folder "{root}": no such folder; make it, or mount what belongs there') from None
    except NotADirectoryError:
        raise StorageError(f'folder "{root}": is a file; give the folder that holds it') from None
    except OSError as error:
        raise StorageError(
            f'folder "{root}": cannot be read ({error.strerror}); give read permission to the user that runs Tapeless'
        ) from None


def _refuse_own_folders(root: bytes, forbidden: Iterable[Path]) -> None:
    for folder in forbidden:
        if is_inside(root, os.path.realpath(os.fsencode(folder))):
            raise StorageError(
                f'folder "{display_text(root)}": lies in Tapeless\'s own folder "{folder}"; watch another'
            )


def _refuse_overlap(root: bytes, others: Sequence[Storage]) -> None:
    for other in others:
        if is_inside(root, other.root) or is_inside(other.root, root):
            raise StorageError(
                f'folder "{display_text(root)}": overlaps storage "{other.name}" '
                f'("{display_text(other.root)}"); a file must belong to one storage'
            )


def is_inside(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _free_name(root: bytes, taken: set[str]) -> str:
    name = display_text(os.path.basename(root)) or "root"
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def find_storage(session: Session, name: str) -> Storage:
    """The storage of a name or id; StorageError tells which there are."""
    storages = session.scalars(select(Storage).order_by(Storage.name)).all()
    for storage in storages:
        if name in (storage.name, str(storage.id)):
            return storage
    known = ", ".join(f'"{storage.name}"' for storage in storages) or "none"
    raise StorageError(f'storage "{name}": there is no such storage; known are {known}')


def storage_of_path(session: Session, path: bytes) -> Storage | None:
    """The storage below whose root, where it is on this machine, an absolute path lies."""
    return next((storage for storage in session.scalars(select(Storage)) if is_inside(path, storage.place)), None)


def path_below(storage: Storage, path: bytes) -> bytes | None:
    """An absolute path as it is below the storage's root, named as on this machine or as on the one where it was added;
    None where it lies elsewhere."""
    for root in (storage.place, storage.root):
        if is_inside(path, root):
            return path[len(root) :].strip(b"/")
    return None


def request_scan(session: Session, storages: Iterable[Storage]) -> None:
    """Ask the watcher for a walk at once; never two at a time for a storage. Nobody walks what Tapeless wrote."""
    for storage in storages:
        if storage.purpose == FILES:
            storage.scan_requested_at = func.now()


def accept_loss(session: Session, storage: Storage) -> str | None:
    """Say that what vanished is gone, or that another disk is right under the root; give what was frozen."""
    reason = storage.frozen_reason or (storage.status_message or None)
    storage.accept_requested_at = func.now()
    return reason


def _parsed(key: str, value: str) -> object:
    """A value as it was typed, or the JSON object that it is."""
    if not value.startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise StorageError(f'setting "{key}": is no JSON object ({error})') from None


def parse_settings(pairs: Iterable[str], before: Mapping[str, object] = MappingProxyType({})) -> StorageSettings:
    """Settings given as `key=value`, over those of `before`; lists with commas, and nothing for the default.

    StorageError names the key and what is wrong with it.
    """
    values = dict(before)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise StorageError(f'setting "{pair}": write it as key=value')
        if key not in StorageSettings.model_fields:
            near = difflib.get_close_matches(key, StorageSettings.model_fields, n=1)
            meant = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(StorageSettings.model_fields)}"
            raise StorageError(f'setting "{key}": there is none of this name; {meant}')
        is_list = get_origin(StorageSettings.model_fields[key].annotation) is tuple
        values[key] = [part for part in value.split(",") if part] if is_list else _parsed(key, value)
        if not value:
            del values[key]
    try:
        return StorageSettings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise StorageError(f"settings: {problems}") from None
