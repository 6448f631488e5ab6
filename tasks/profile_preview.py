"""Dry run of another profile: groups every island of a storage by it and compares the result with the catalogue.

Memory holds all folders of the storage, and the files of one batch of islands. Islands with different borders under the
other profile are processed together.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.file import File, Folder
from models.sessions import Sessions, snapshot
from models.storage import Storage
from models.storage_settings import StorageSettings
from tasks.difference import Difference
from tasks.island_state import StorageRules
from tasks.refusals import Missing
from tasks.supposition import Supposition, is_grouped, stored_files
from watch.folders import FolderBook
from watch.grouping import Profile
from watch.homes import Homes

FILES_AT_ONCE = 5_000
"""Files per batch: 60 MB with their assets, if each file is an asset."""


@dataclass(slots=True)
class Neighbourhood:
    """Folders that share an island now or under the other profile: paths and new island roots by folder id."""

    paths: dict[int, bytes] = field(default_factory=dict)
    homes: dict[int, bytes] = field(default_factory=dict)
    files: int = 0


def preview_profile(sessions: Sessions, storage_id: uuid.UUID, profile: Profile) -> Difference:
    """Return what grouping the storage by `profile` would change; nothing is written."""
    rules, neighbourhoods = snapshot(sessions, lambda session: _read_storage(session, storage_id, profile))
    difference = Difference()
    for batch in _batches(neighbourhoods):
        snapshot(sessions, lambda session, batch=batch: _compare(session, rules, batch, difference))
    return difference


def rules_with(storage: Storage, profile: Profile) -> StorageRules:
    """Build a storage's rules with another profile."""
    settings = StorageSettings.model_validate(storage.settings)
    return StorageRules(storage.id, storage.name, settings, profile, storage.profile_revision, storage.owner_id)


def _read_storage(
    session: Session, storage_id: uuid.UUID, profile: Profile
) -> tuple[StorageRules, list[Neighbourhood]]:
    storage = session.get(Storage, storage_id)
    if storage is None:
        raise Missing("storage", storage_id)
    homes = Homes(profile.homing_dirs)
    book = FolderBook(storage_id, homes.island_of)
    book.load(session)
    homes.read_packages(session, book)
    counts = select(File.folder_id, func.count()).join(Folder).where(Folder.storage_id == storage_id)
    files = dict(map(tuple, session.execute(counts.group_by(File.folder_id))))
    return rules_with(storage, profile), _neighbourhoods(book, homes, files)


def _neighbourhoods(book: FolderBook, homes: Homes, files: dict[int, int]) -> list[Neighbourhood]:
    """Cluster folders with files that share an island now or under the other profile (union-find)."""
    parent: dict[object, object] = {}

    def top(key: object) -> object:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    folders = [folder for folder in book if files.get(folder.id)]
    for folder in folders:
        parent[top(folder.island_id)] = top(homes.island_of(folder.path))
    found: dict[object, Neighbourhood] = {}
    for folder in folders:
        near = found.setdefault(top(folder.island_id), Neighbourhood())
        near.paths[folder.id], near.homes[folder.id] = folder.path, homes.island_of(folder.path)
        near.files += files[folder.id]
    return sorted(found.values(), key=lambda near: min(near.paths.values()))


def _batches(neighbourhoods: list[Neighbourhood]) -> Iterator[list[Neighbourhood]]:
    batch: list[Neighbourhood] = []
    files = 0
    for near in neighbourhoods:
        if batch and files + near.files > FILES_AT_ONCE:
            yield batch
            batch, files = [], 0
        batch.append(near)
        files += near.files
    if batch:
        yield batch


def _compare(session: Session, rules: StorageRules, batch: list[Neighbourhood], difference: Difference) -> None:
    supposed = Supposition(rules)
    paths = {folder_id: path for near in batch for folder_id, path in near.paths.items()}
    homes = {folder_id: home for near in batch for folder_id, home in near.homes.items()}
    for file in stored_files(session, paths):
        supposed.add(homes[file.folder_id], file)
        if file.is_present:
            supposed.held.append(file)
    supposed.compare(session, difference, is_grouped)
