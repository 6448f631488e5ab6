"""Dry runs: what a scan and a grouping of the files in a folder, or another profile, would change in the catalogue.

1. A folder: rows without a file count as missing, files without a row as new and stable. Only islands with a file in
   the folder are read, but as a whole: a partner of a clip may be outside it.
2. Another profile: every island of a storage is grouped by it and compared with the catalogue. Memory holds all folders
   of the storage, and the files of one batch of islands. Islands with different borders under the other profile are
   processed together."""

import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grouping import IgnorePatterns, Profile
from grouping.dry_run import assign_islands
from grouping.model.islands import ATTACHED_DIRS, PACKAGE_MARKERS, is_package_marker, is_paper, island_of
from models.catalog.file import File, FileStatus, Folder
from models.catalog.storage import Storage, StorageSettings
from models.core.base import new_id
from models.core.paths import ancestor_paths, display_path, is_path_inside, join_path
from models.core.sessions import Sessions, read_snapshot
from models.queues.island import Island
from services.core.errors import DomainError, NotFound
from services.grouping.diff import GroupingDiff
from services.grouping.dry_run import DryRun
from services.ingest.reader import read_storage_rules
from services.ingest.state import StorageRules, StoredFile
from services.storages.storages import find_storage_of_path, relative_to_storage
from watch.disk.listing import FileEntry, list_folder, stat_file, walk_tree
from watch.rows.folder_cache import FolderCache
from watch.rows.island_assignment import IslandAssignment


@dataclass(slots=True)
class DiskListing:
    """Files on disk: sizes by folder and name, folders with a package marker file, and unreadable folders."""

    root: bytes
    settings: StorageSettings
    excluded: frozenset[bytes]
    profile: Profile
    folders: dict[bytes, dict[bytes, int]] = field(default_factory=dict)
    packages: frozenset[bytes] = frozenset()
    unreadable: list[bytes] = field(default_factory=list)
    top: bytes = b""
    """Folder that has to be read: the highest above the start that holds nothing but papers, or the start."""
    _roots: dict[bytes, bytes] = field(default_factory=dict)

    def read(self, start: bytes) -> None:
        """List all watched folders at and below `start`."""
        self.folders, self.unreadable = {}, []
        ignore = IgnorePatterns(self.settings.scan_ignore, self.profile.hidden)
        for listings in walk_tree(self.root, [start], ignore, self.excluded):
            for folder, listing in listings:
                if listing.error:
                    self.unreadable.append(folder)
                elif self.is_watched(folder):
                    self.folders[folder] = {entry.name: entry.size for entry in listing.files}
        above = (folder for folder in ancestor_paths(start) if self._holds_marker(folder))
        below = (folder for folder, names in self.folders.items() if any(map(is_package_marker, names)))
        self.packages = frozenset([*above, *below])
        paths = {folder: [join_path(folder, name) for name in names] for folder, names in self.folders.items()}
        self._roots = assign_islands(paths, self.packages, self.profile)
        self.top = min(
            (folder for folder in ancestor_paths(start) if self._holds_papers(folder)), key=len, default=start
        )

    def is_watched(self, folder: bytes) -> bool:
        """Whether a scan covers a folder, and so would detect missing files there."""
        starts = [top.encode() for top in self.settings.scan_directories] or [b""]
        is_hidden = any(is_path_inside(folder, unreadable) for unreadable in self.unreadable)
        return not is_hidden and any(is_path_inside(folder, top) for top in starts)

    def _holds_marker(self, folder: bytes) -> bool:
        found = (stat_file(self.root, join_path(folder, name)) for name in PACKAGE_MARKERS)
        return any(isinstance(entry, FileEntry) for entry in found)

    def home_of(self, folder: bytes) -> bytes:
        """Return the root folder of a folder's island."""
        root = self._roots.get(folder)
        return island_of(folder, self.packages, ATTACHED_DIRS | self.profile.attached_dirs) if root is None else root

    def _holds_papers(self, folder: bytes) -> bool:
        ignore = IgnorePatterns(self.settings.scan_ignore, self.profile.hidden)
        listing = list_folder(self.root, folder, ignore, self.excluded)
        names = [entry.name for entry in listing.files] if listing is not None else []
        return bool(names) and all(is_paper(join_path(folder, name)) for name in names)


def preview_folder(
    sessions: Sessions, folder: bytes, profile: Profile | None = None, excluded: frozenset[bytes] = frozenset()
) -> GroupingDiff:
    """Return what grouping a folder would change.

    Args:
        folder: real path.
        profile: default is the profile of the folder's storage.

    Raises:
        DomainError: the folder is in no storage.
    """
    storage = read_snapshot(sessions, lambda session: find_storage_of_path(session, folder))
    if storage is None:
        raise DomainError(
            f'folder "{display_path(folder)}": is in no watched folder, so there is nothing to compare it with; '
            "`tapeless storage list` shows the watched ones"
        )
    keeps_groups = profile is None
    profile = profile or Profile.model_validate(storage.profile)
    below = relative_to_storage(storage, folder) or b""
    settings = StorageSettings.model_validate(storage.settings)
    disk = DiskListing(storage.place, settings, excluded, profile)
    _read_islands(disk, below)
    return read_snapshot(sessions, lambda session: _compare_folder(session, storage, keeps_groups, disk, below))


def _read_islands(disk: DiskListing, below: bytes) -> None:
    """Read the folder; read again from further up if the root of one of its islands is above it."""
    start = below
    while True:
        disk.read(start)
        homes = [disk.home_of(folder) for folder in [below, *disk.folders] if is_path_inside(folder, below)]
        highest = min((home for home in [*homes, disk.top] if is_path_inside(start, home)), key=len, default=start)
        if highest == start:
            return
        start = highest


def _compare_folder(
    session: Session, storage: Storage, keeps_groups: bool, disk: DiskListing, below: bytes
) -> GroupingDiff:
    book = FolderCache(storage.id, disk.home_of)
    book.load(session)
    known = {row.id: row.path for row in book}
    concerned = {disk.home_of(folder) for folder in [*disk.folders, *known.values()] if is_path_inside(folder, below)}
    dry_run = DryRun(read_storage_rules(session, storage, disk.profile))
    if keeps_groups:
        grouped = session.scalars(select(Island).where(Island.storage_id == storage.id, Island.done > 0))
        dry_run.rules_versions = {known[row.folder_id]: row.rules_version for row in grouped}
    on_disk = {folder: dict(names) for folder, names in disk.folders.items() if disk.home_of(folder) in concerned}
    paths = {folder_id: path for folder_id, path in known.items() if disk.home_of(path) in concerned}
    for file in dry_run.read_files(session, paths):
        folder = paths[file.folder_id]
        size = on_disk.get(folder, {}).pop(file.path.rpartition(b"/")[2], None)
        dry_run.add(disk.home_of(folder), _as_scanned(file, size) if disk.is_watched(folder) else file)
    _add_unknown_files(dry_run, on_disk, disk, {path: folder_id for folder_id, path in known.items()})
    difference = GroupingDiff()

    def concerns(changed: Iterable[bytes]) -> bool:
        return any(is_path_inside(path, below) for path in changed)

    dry_run.compare(session, difference, concerns)
    return difference


def _as_scanned(file: StoredFile, size: int | None) -> StoredFile:
    """Return a row as a scan would leave it; `size` is None if the file is gone."""
    if size is None:
        return file._replace(status=FileStatus.MISSING.value)
    return file._replace(status=(FileStatus.CLOSED if size else FileStatus.OPEN).value, size=size)


def _add_unknown_files(
    dry_run: DryRun, on_disk: dict[bytes, dict[bytes, int]], disk: DiskListing, known: dict[bytes, int]
) -> None:
    """Add files without a row; a folder without a row gets a negative id, which no row has."""
    for number, (folder, names) in enumerate(on_disk.items()):
        for name, size in names.items():
            status = (FileStatus.CLOSED if size else FileStatus.OPEN).value
            folder_id = known.get(folder, -1 - number)
            file = StoredFile(
                new_id(), join_path(folder, name), size, status, 0, 0, None, 0, False, folder_id, None, None, 0
            )
            dry_run.add(disk.home_of(folder), file)


def resolve_folder(folder: str) -> bytes:
    """Return the real path of an existing folder.

    Raises:
        DomainError: the folder does not exist.
    """
    real = os.path.realpath(os.fsencode(folder))
    if not os.path.isdir(real):
        raise DomainError(f'folder "{folder}": no such folder')
    return real


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
    homes.load(session, book)
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
