"""Parsed configuration of a watched storage."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from grouping import Profile
from models.catalog.storage import PURPOSE_FILES, Storage, StorageSettings, StorageStatus
from models.core.sessions import Sessions


@dataclass(frozen=True, slots=True)
class WatchedStorage:
    """Settings and profile of a storage row; a changed value starts a new watcher."""

    id: uuid.UUID
    name: str
    root: bytes
    settings: StorageSettings
    profile: Profile
    profile_revision: int


def load_watched_storages(sessions: Sessions) -> list[WatchedStorage]:
    """Load all storages to watch; storages for renditions are excluded, because Tapeless writes them itself."""
    with sessions() as session:
        rows = session.scalars(
            select(Storage)
            .where(
                Storage.status != StorageStatus.INACTIVE,
                Storage.removed_at.is_(None),
                Storage.purpose == PURPOSE_FILES,
            )
            .order_by(Storage.id)
        )
        return [
            WatchedStorage(
                row.id,
                row.name,
                row.place,
                StorageSettings.model_validate(row.settings),
                Profile.model_validate(row.profile),
                row.profile_revision,
            )
            for row in rows
        ]
