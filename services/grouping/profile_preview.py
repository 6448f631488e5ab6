"""Dry run of another profile: groups every island of a storage by it and compares the result with the catalogue.

Memory holds all folders of the storage, and the files of one batch of islands. Islands with different borders under the
other profile are processed together.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grouping import Profile
from models.catalog.file import File, Folder
from models.catalog.storage import Storage
from models.core.sessions import Sessions, read_snapshot
from services.core.errors import NotFound
from services.grouping.diff import GroupingDiff
from services.grouping.dry_run import DryRun
from services.ingest.reader import read_storage_rules
from services.ingest.state import StorageRules
from watch.rows.folder_cache import FolderCache
from watch.rows.island_assignment import IslandAssignment

MAX_PREVIEW_FILES = 5_000
"""Files per batch: 60 MB with their assets, if each file is an asset."""


@dataclass(slots=True)
class IslandCluster:
    """Folders that share an island now or under the other profile: paths and new island roots by folder id."""

    paths: dict[int, bytes] = field(default_factory=dict)
    homes: dict[int, bytes] = field(default_factory=dict)
    files: int = 0


def preview_profile(sessions: Sessions, storage_id: uuid.UUID, profile: Profile) -> GroupingDiff:
    """Return what grouping the storage by `profile` would change; nothing is written."""
    rules, clusters = read_snapshot(sessions, lambda session: _read_storage(session, storage_id, profile))
    difference = GroupingDiff()
    for batch in _batches(clusters):
        read_snapshot(sessions, _compare_batch, rules, batch, difference)
    return difference


def _read_storage(
    session: Session, storage_id: uuid.UUID, profile: Profile
) -> tuple[StorageRules, list[IslandCluster]]:
    storage = session.get(Storage, storage_id)
    if storage is None:
        raise NotFound("storage", storage_id)
    homes = IslandAssignment(profile.attached_dirs)
    book = FolderCache(storage_id, homes.island_of)
    book.load(session)
    homes.read_packages(session, book)
    counts = select(File.folder_id, func.count().label("files")).join(Folder).where(Folder.storage_id == storage_id)
    files = {row.folder_id: row.files for row in session.execute(counts.group_by(File.folder_id))}
    return read_storage_rules(session, storage, profile), _cluster_folders(book, homes, files)


def _cluster_folders(book: FolderCache, homes: IslandAssignment, files: dict[int, int]) -> list[IslandCluster]:
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
    found: dict[object, IslandCluster] = {}
    for folder in folders:
        near = found.setdefault(top(folder.island_id), IslandCluster())
        near.paths[folder.id], near.homes[folder.id] = folder.path, homes.island_of(folder.path)
        near.files += files[folder.id]
    return sorted(found.values(), key=lambda near: min(near.paths.values()))


def _batches(clusters: list[IslandCluster]) -> Iterator[list[IslandCluster]]:
    batch: list[IslandCluster] = []
    files = 0
    for near in clusters:
        if batch and files + near.files > MAX_PREVIEW_FILES:
            yield batch
            batch, files = [], 0
        batch.append(near)
        files += near.files
    if batch:
        yield batch


def _compare_batch(session: Session, rules: StorageRules, batch: list[IslandCluster], difference: GroupingDiff) -> None:
    dry_run = DryRun(rules)
    paths = {folder_id: path for near in batch for folder_id, path in near.paths.items()}
    homes = {folder_id: home for near in batch for folder_id, home in near.homes.items()}
    for file in dry_run.read_files(session, paths):
        dry_run.add(homes[file.folder_id], file)
    dry_run.compare(session, difference)
