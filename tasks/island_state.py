"""Reading islands: their files with paths, and the assets that hold them now, in one snapshot."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.asset import Asset, AssetStatus, Component, FileSet, Format
from models.bulk import among
from models.file import File, FileStatus
from models.island import Island
from models.paths import join_path
from models.storage import Storage
from models.storage_settings import StorageSettings
from tasks.leases import IslandClaim
from watch.grouping import Profile

FOLDER_PATHS = text("""
    WITH RECURSIVE up AS (
        SELECT id AS folder_id, island_id, parent_id, name AS path FROM folder WHERE island_id = ANY(:islands)
        UNION ALL
        SELECT up.folder_id, up.island_id, parent.parent_id, parent.name || '\\x2f'::bytea || up.path
        FROM up JOIN folder AS parent ON parent.id = up.parent_id
    )
    SELECT folder_id, island_id, path FROM up WHERE parent_id IS NULL
""")

FILES = text("""
    SELECT file.id, file.folder_id, file.name, file.size, file.status, file.content_seen, file.seen, member.file_set_id
    FROM file LEFT JOIN file_set_file AS member ON member.file_id = file.id
    WHERE file.folder_id = ANY(:folders) AND file.status <> 'DELETED'
""")

PRESENT_ELSEWHERE = text("""
    SELECT DISTINCT file_set.asset_id FROM file_set
    JOIN file_set_file AS member ON member.file_set_id = file_set.id
    JOIN file ON file.id = member.file_id
    JOIN folder ON folder.id = file.folder_id
    WHERE file_set.asset_id = ANY(:assets) AND file.status NOT IN ('MISSING', 'DELETED')
        AND NOT (folder.island_id = ANY(:islands))
""")

ABSENT = frozenset({FileStatus.MISSING.value})


class StoredFile(NamedTuple):
    """A file row as the grouping needs it."""

    id: uuid.UUID
    path: bytes
    size: int
    status: str
    content_seen: int
    seen: int
    file_set_id: uuid.UUID | None

    @property
    def is_present(self) -> bool:
        """Whether it counts in a structure: stable once, and not missing. A member that grows again or was emptied
        stays in; what was never stable waits."""
        if self.status in ABSENT:
            return False
        return self.file_set_id is not None or (self.status not in UNFINISHED and self.size > 0)


UNFINISHED = frozenset({FileStatus.OPEN.value, FileStatus.GROWING.value, FileStatus.AWAITED.value})


@dataclass(slots=True)
class StoredAsset:
    """An asset as it stands, with its formats and their file sets."""

    row: Asset
    formats: dict[uuid.UUID, Format] = field(default_factory=dict)
    file_sets: dict[uuid.UUID, FileSet] = field(default_factory=dict)
    components: dict[uuid.UUID, list[Component]] = field(default_factory=dict)
    """By file set."""
    is_needed_elsewhere: bool = False
    """It has present files in islands that are not at hand: it cannot be taken over whole."""


@dataclass(frozen=True, slots=True)
class StorageRules:
    """How one storage is grouped."""

    id: uuid.UUID
    name: str
    settings: StorageSettings
    profile: Profile
    profile_revision: int
    owner_id: uuid.UUID | None


@dataclass(slots=True)
class IslandState:
    """One island's files by path, present or not."""

    claim: IslandClaim
    rules: StorageRules
    files: dict[bytes, StoredFile] = field(default_factory=dict)
    _missing: dict[uuid.UUID, list[StoredFile]] | None = None

    def newly_missing(self) -> dict[uuid.UUID, list[StoredFile]]:
        """Members that went missing since the last finish, by file set."""
        if self._missing is None:
            self._missing = {}
            for file in self.files.values():
                if file.status in ABSENT and file.seen > self.claim.done and file.file_set_id is not None:
                    self._missing.setdefault(file.file_set_id, []).append(file)
        return self._missing

    def present_paths(self) -> list[bytes]:
        """What the pure function groups."""
        return [path for path, file in self.files.items() if file.is_present]

    def empty_paths(self) -> list[bytes]:
        """Names with zero bytes that are in no file set."""
        return [path for path, file in self.files.items() if file.size == 0 and file.file_set_id is None]


@dataclass(slots=True)
class Snapshot:
    """Islands and all assets that hold any of their files."""

    islands: dict[int, IslandState]
    assets: dict[uuid.UUID, StoredAsset]
    asset_of_set: dict[uuid.UUID, uuid.UUID]


def claim_for_reading(session: Session, island_ids: Sequence[int]) -> list[IslandClaim]:
    """Islands as they are, for whoever only looks: no lease is taken, so nothing may be written."""
    rows = session.scalars(select(Island).where(among(Island.id, island_ids)).order_by(Island.id))
    return [
        IslandClaim(row.id, row.storage_id, row.folder_id, row.seen, row.done, row.epoch, row.attempt) for row in rows
    ]


def read_islands(session: Session, claims: Sequence[IslandClaim]) -> Snapshot:
    """Read everything that grouping the claimed islands needs."""
    rules = _read_rules(session, {claim.storage_id for claim in claims})
    islands = {claim.id: IslandState(claim, rules[claim.storage_id]) for claim in claims}
    _read_files(session, islands)
    members = {file.file_set_id for state in islands.values() for file in state.files.values() if file.file_set_id}
    assets = _read_assets(session, list(islands), members)
    asset_of_set = {set_id: asset.row.id for asset in assets.values() for set_id in asset.file_sets}
    return Snapshot(islands, assets, asset_of_set)


def _read_rules(session: Session, storages: Iterable[object]) -> dict[object, StorageRules]:
    return {
        row.id: StorageRules(
            row.id,
            row.name,
            StorageSettings.model_validate(row.settings),
            Profile.model_validate(row.profile),
            row.profile_revision,
            row.owner_id,
        )
        for row in session.scalars(select(Storage).where(among(Storage.id, storages)))
    }


def _read_files(session: Session, islands: dict[int, IslandState]) -> None:
    folders = {
        row.folder_id: (row.island_id, bytes(row.path).removeprefix(b"/"))
        for row in session.execute(FOLDER_PATHS, {"islands": list(islands)})
    }
    for file_id, folder_id, name, size, status, content_seen, seen, set_id in session.execute(
        FILES, {"folders": list(folders)}
    ):
        island_id, folder = folders[folder_id]
        path = join_path(folder, bytes(name))
        islands[island_id].files[path] = StoredFile(file_id, path, size, status, content_seen, seen, set_id)


def _read_assets(session: Session, islands: list[int], file_sets: Iterable[uuid.UUID]) -> dict[uuid.UUID, StoredAsset]:
    ids = set(session.scalars(select(FileSet.asset_id).where(among(FileSet.island_id, islands)).distinct()))
    ids |= set(session.scalars(select(FileSet.asset_id).where(among(FileSet.id, file_sets)).distinct()))
    if not ids:
        return {}
    assets = {
        row.id: StoredAsset(row)
        for row in session.scalars(select(Asset).where(among(Asset.id, ids), Asset.status == AssetStatus.ACTIVE))
    }
    for row in session.scalars(select(Format).where(among(Format.asset_id, assets))):
        assets[row.asset_id].formats[row.id] = row
    for row in session.scalars(select(FileSet).where(among(FileSet.asset_id, assets))):
        assets[row.asset_id].file_sets[row.id] = row
    owners = {set_id: asset for asset in assets.values() for set_id in asset.file_sets}
    for row in session.scalars(select(Component).where(among(Component.file_set_id, owners)).order_by(Component.id)):
        owners[row.file_set_id].components.setdefault(row.file_set_id, []).append(row)
    elsewhere = session.scalars(PRESENT_ELSEWHERE, {"assets": list(assets), "islands": islands})
    for asset_id in elsewhere:
        assets[asset_id].is_needed_elsewhere = True
    return assets


def seconds_since_creation(session: Session, files: Sequence[uuid.UUID]) -> dict[uuid.UUID, float]:
    """How long files have been known, by the database's clock."""
    age = func.extract("epoch", func.now() - File.date_created)
    return {row[0]: float(row[1]) for row in session.execute(select(File.id, age).where(among(File.id, files)))}
