"""A catalog of values: islands with files, and the stored assets that hold some of them, without a database."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from grouping import AssetPlan, FilePin, Frames, Profile, classify_path, group_items
from models.catalog.asset import Asset, AssetStatus, Component, ComponentType, FileSet, Format, FormatRole
from models.catalog.storage import StorageSettings
from models.queues.island import IslandClaim
from services.ingest.file_set_summary import summarize_file_set
from services.ingest.frame_buckets import FrameBucketState
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.plan import PlannedAsset, PlannedFileSet, plan_asset
from services.ingest.state import IslandSnapshot, IslandState, StorageRules, StoredAsset, StoredFile

STORAGE_ID = uuid.UUID(int=1)
OWNER_ID = uuid.UUID(int=2)
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
DONE = 10
"""Version of an island at its last finish: files with a greater one arrived or changed since."""
FILE_SIZE = 100


def rules_of(settings: dict[str, Any] | None = None, **profile: Any) -> StorageRules:
    """Return the rules of the only storage."""
    return StorageRules(
        STORAGE_ID, "Rushes", StorageSettings(**settings or {}), Profile(**profile), 1, OWNER_ID, rights=()
    )


def file_set_plan(*paths: str, **profile: Any) -> PlannedFileSet:
    """Return the only planned file set of files that nothing holds."""
    catalog = Catalog(**profile)
    catalog.arrive(*paths)
    [asset] = catalog.plan()
    [part] = asset.sets()
    return part


class Catalog:
    """Builds a snapshot step by step; ids count up, so that what was made first is the oldest."""

    def __init__(self, settings: dict[str, Any] | None = None, **profile: Any) -> None:
        self.rules = rules_of(settings, **profile)
        self.snapshot = IslandSnapshot({}, {}, {}, {})
        self._stored_runs: dict[tuple[int, bytes], tuple[bytes, dict[int, Frames]]] = {}
        self._folders: dict[bytes, int] = {b"": 1}
        self._ids = iter(range(100, 1_000_000))
        self.island = self.add_island()

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=next(self._ids))

    def _folder_id(self, folder: bytes) -> int:
        return self._folders.setdefault(folder, len(self._folders) + 1)

    def add_island(self, number: int = 1) -> IslandState:
        """Add an island; files arrive in the one that was added last."""
        claim = IslandClaim(id=number, storage_id=STORAGE_ID, folder_id=number, seen=DONE + 1, done=DONE, epoch=1)
        self.island = self.snapshot.islands[number] = IslandState(claim, self.rules)
        return self.island

    def file(self, path: str | bytes, **columns: Any) -> StoredFile:
        """Return a file as its row would describe it, by default one that arrived just now."""
        path = path if isinstance(path, bytes) else path.encode()
        described = classify_path(path, self.rules.profile)
        default = {
            "id": self.new_id(),
            "path": path,
            "size": FILE_SIZE,
            "status": "CLOSED",
            "content_seen": DONE + 1,
            "seen": DONE + 1,
            "file_set_id": None,
            "counted_bytes": 0,
            "is_change_counted": False,
            "folder_id": self._folder_id(path.rpartition(b"/")[0]),
            "bucket": described.bucket,
            "frame": described.frame,
            "padding": described.padding,
        }
        return StoredFile(**default | columns)

    def arrive(self, *paths: str | bytes, **columns: Any) -> list[StoredFile]:
        """Add files that no file set holds."""
        return [self._add(self.file(path, **columns)) for path in paths]

    def change(self, path: str, **columns: Any) -> StoredFile:
        """Change the row of a file; by default nothing else than that the finish has not seen it yet."""
        return self._add(self._take(path)._replace(**{"seen": DONE + 1} | columns))

    def leave(self, *paths: str) -> None:
        """Report files as missing."""
        for path in paths:
            self.change(path, status="MISSING")

    def rename(self, before: str, now: str) -> None:
        """Rename a file that keeps its identity."""
        kept = ("id", "size", "status", "content_seen", "file_set_id", "counted_bytes", "pin")
        file = self._take(before)
        self._add(self.file(now, **{column: getattr(file, column) for column in kept}))

    def pin(self, path: str, stored: StoredAsset, format_number: int = 0, **details: Any) -> None:
        """Group a file manually into a format of an asset."""
        format_id = list(stored.formats)[format_number]
        self.change(path, pin=FilePin(str(stored.row.id), str(format_id), **details), bucket=None)
        stored.pinned_formats |= {format_id}
        for row in stored.file_sets.values():
            if row.format_id == format_id:
                self.snapshot.asset_of_set.pop(row.id, None)

    def store(self, title: str, *file_sets: str | list[str], **columns: Any) -> StoredAsset:
        """Store an asset with one format that holds these file sets; the first stored one is the oldest."""
        row = Asset(
            id=self.new_id(),
            title=title,
            title_by_hand=False,
            status=AssetStatus.ACTIVE,
            is_online=True,
            island_id=self.island.claim.id,
            date_created=MONDAY + timedelta(days=len(self.snapshot.assets)),
        )
        for column, value in columns.items():
            setattr(row, column, value)
        stored = self.snapshot.assets[row.id] = StoredAsset(row)
        self.add_format(stored, *file_sets)
        return stored

    def add_format(
        self, stored: StoredAsset, *file_sets: str | list[str], role: str = "original", **columns: Any
    ) -> Format:
        """Add a format with file sets to a stored asset."""
        row = Format(
            id=self.new_id(),
            asset_id=stored.row.id,
            version_id=stored.row.id,
            name=role,
            role=FormatRole(role),
            structure="single",
            rule="single file",
            is_online=True,
            date_created=MONDAY + timedelta(days=len(stored.formats)),
        )
        for column, value in columns.items():
            setattr(row, column, value)
        stored.formats[row.id] = row
        for paths in file_sets:
            self._store_set(stored, row, [paths] if isinstance(paths, str) else paths)
        return row

    def _store_set(self, stored: StoredAsset, of_format: Format, paths: list[str]) -> FileSet:
        row = self._new_set(stored, of_format, file_count=len(paths), size_bytes=FILE_SIZE * len(paths))
        known = {"file_set_id": row.id, "counted_bytes": FILE_SIZE, "content_seen": DONE, "seen": DONE}
        files = [self._add(self.file(path, **known)) for path in paths]
        row.name = row.names = files[0].path.rpartition(b"/")[2].decode()
        row.base_dir = files[0].path.rpartition(b"/")[0].decode()
        return row

    def _new_set(self, stored: StoredAsset, of_format: Format, **columns: Any) -> FileSet:
        row = FileSet(
            id=self.new_id(),
            asset_id=stored.row.id,
            format_id=of_format.id,
            version_id=stored.row.id,
            storage_id=STORAGE_ID,
            island_id=self.island.claim.id,
            date_created=MONDAY + timedelta(days=len(stored.file_sets)),
            reported_count=columns["file_count"],
            unreported_changes=0,
            **columns,
        )
        stored.file_sets[row.id] = row
        self.snapshot.asset_of_set[row.id] = stored.row.id
        return row

    def store_sequence(self, title: str, first_path: str, count: int, read: Iterable[int] = ()) -> StoredAsset:
        """Store a sequence of frames of which only those in `read` are read as files."""
        described = classify_path(first_path.encode(), self.rules.profile)
        assert described.bucket is not None
        assert described.frame is not None
        folder = first_path.encode().rpartition(b"/")[0]
        place = (self._folder_id(folder), described.bucket)
        frames = Frames(range(described.frame, described.frame + count))
        stored = self.store(title)
        [of_format] = stored.formats.values()
        row = self._new_set(
            stored,
            of_format,
            name=title,
            file_count=count,
            size_bytes=FILE_SIZE * count,
            bucket_folder_id=place[0],
            bucket_key=place[1],
            padding=described.padding,
        )
        _, runs = self._stored_runs.setdefault(place, (folder, {}))
        runs[described.padding] = frames
        self.island.buckets[place] = FrameBucketState(place[0], folder, place[1], dict(runs), is_new=False)
        self.snapshot.file_sets_of_bucket.setdefault(place, {})[described.padding] = row
        prefix, suffix = described.bucket.split(b"\0")
        for frame in read:
            path = b"%s%0*d%s" % (prefix, described.padding, frame, suffix)
            path = folder + b"/" + path if folder else path
            self._add(self.file(path, file_set_id=row.id, counted_bytes=FILE_SIZE, seen=DONE, content_seen=DONE))
        return stored

    def add_component(self, row: FileSet, kind: str, name: str) -> Component:
        """Store a component of a file set."""
        part = Component(name=name, type=ComponentType(kind), language=None, flags=[])
        self.snapshot.assets[row.asset_id].components.setdefault(row.id, []).append(part)
        return part

    def end(self, dead: StoredAsset, holder: StoredAsset, *, held: dict[str, Any] | None = None) -> MergeSnapshot:
        """Merge a stored asset into another, which takes over its rows; return the snapshot of what it was."""
        was = {
            "title": dead.row.title,
            "formats": [
                {
                    "id": str(of_format.id),
                    "file_sets": [
                        self._describe_set(row) for row in dead.file_sets.values() if row.format_id == of_format.id
                    ],
                }
                for of_format in dead.formats.values()
            ],
        }
        del self.snapshot.assets[dead.row.id]
        dead.row.merged_into = holder.row.id
        holder.formats |= dead.formats
        holder.file_sets |= dead.file_sets
        for row in (*dead.formats.values(), *dead.file_sets.values()):
            row.asset_id = holder.row.id
        self.snapshot.asset_of_set |= dict.fromkeys(dead.file_sets, holder.row.id)
        living = frozenset((*holder.formats, *holder.file_sets))
        return MergeSnapshot(dead.row, holder.row.id, was, held or {}, living)

    def _describe_set(self, row: FileSet) -> dict[str, Any]:
        files = [str(file.id) for file in self.island.files.values() if file.file_set_id == row.id]
        return {"id": str(row.id), "file_count": row.file_count, "files": files}

    def group(self) -> tuple[AssetPlan, ...]:
        """Group all files of the last island by the real rules, waiting ones as if their wait had ended."""
        for bucket in self.island.buckets.values():
            bucket.settle()
        island = self.island
        return group_items(island.items(), self.rules.profile, island.pins(), island.empty_paths()).settled()

    def plan(self) -> list[PlannedAsset]:
        """Return the plans of the last island, not matched with stored assets yet."""
        return [plan_asset(self.island, plan, self.snapshot) for plan in self.group()]

    def _take(self, path: str) -> StoredFile:
        """Remove a file, and read all others again."""
        island = self.island
        file = island.files.pop(path.encode())
        others = list(island.files.values())
        island.files, island.buckets, island.frames, island._folder_ids = {}, {}, {}, {}
        for (folder_id, key), (folder, runs) in self._stored_runs.items():
            island.buckets[folder_id, key] = FrameBucketState(folder_id, folder, key, dict(runs), is_new=False)
        for other in others:
            island.add(other)
        return file

    def _add(self, file: StoredFile) -> StoredFile:
        self.island.add(file)
        return file


def settle_columns(planned: Iterable[PlannedAsset]) -> None:
    """Give stored file sets the columns of their plan, as if the last finish had just written them."""
    for part in (part for asset in planned for part in asset.sets()):
        if part.stored is not None:
            for column, value in summarize_file_set(part).items():
                setattr(part.stored, column, value)
