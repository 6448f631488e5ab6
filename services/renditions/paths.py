"""Paths of renditions: on a proxy storage, or in the media folder if there is none.

Each run writes into its own folder, under a hidden name first; a row names the file only when it is complete. So a new
rendition never disturbs viewers of the old one, and leftovers of a killed run are the folders that no row names.
"""

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.catalog.file import Folder
from models.catalog.storage import PURPOSE_PROXIES, Storage, StorageStatus
from models.core.base import new_id
from models.core.paths import escape_surrogates
from models.core.sessions import Sessions, transact
from services.core.folder_markers import find_rendition_storage_fault

MEDIA_FOLDER_STORAGE_NAME, MEDIA_FOLDER_STORAGE_ROOT = "Renditions", b"renditions"
"""The root is relative to the media folder of each process."""
MAX_RENDITION_NAME_BYTES = 180
MIN_RENDITION_ROOM_BYTES = 1 << 20
"""With less, a rendition failed for want of room: what the encoder reports is only that a write failed."""
MIN_RUN_AGE_SECONDS = 24 * 3600.0
"""Younger folders may belong to a running transcode; longer than any rendition takes."""
RUN_FOLDER_PATTERN = re.compile("[0-9a-f]{12}")
PROXY_STORAGE_LOCK = 7_411_033

# DO UPDATE instead of DO NOTHING, because the latter returns no id for an existing row.
UPSERT_FOLDER = text("""
    INSERT INTO folder (storage_id, parent_id, name) VALUES (:storage, :parent, :name)
    ON CONFLICT (storage_id, parent_id, name) DO UPDATE SET name = excluded.name RETURNING id
""")


@dataclass(frozen=True, slots=True)
class RenditionPath:
    """Path of a future file below the root of a storage."""

    storage_id: uuid.UUID
    root: bytes
    """As mounted on this machine."""
    folders: tuple[str, ...]
    name: str

    @property
    def folder(self) -> Path:
        """Folder of this run."""
        return Path(os.fsdecode(self.root), *self.folders)

    @property
    def run(self) -> dict[str, str]:
        """The folder of this run as a row can hold it: below a storage, which another machine has elsewhere."""
        return {"storage": str(self.storage_id), "folder": "/".join(self.folders)}

    @property
    def draft(self) -> Path:
        """Path while the file is written."""
        return self.folder / f".{self.name}.part"

    @property
    def path(self) -> Path:
        """Path of the complete file."""
        return self.folder / self.name

    def open_draft(self) -> int:
        """Create the draft and open it for reading and writing; an existing file of this name is an error.

        Others may read it, as on every storage; if it is in the data folder, they cannot enter that.
        """
        folder = Path(os.fsdecode(self.root))
        for name in self.folders:
            folder /= name
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=True)
                folder.chmod(0o755)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.draft, flags, 0o644)
        os.fchmod(descriptor, 0o644)  # independent of the umask
        return descriptor

    def publish(self) -> os.stat_result:
        """Rename the draft to its final name and return its stat."""
        self.draft.rename(self.path)
        return self.path.stat()


def find_run_folder(session: Session, run: object) -> Path | None:
    """Return the local folder of a run that a row holds, or None: the version before held paths of its machine."""
    storage = session.get(Storage, uuid.UUID(run["storage"])) if isinstance(run, dict) else None
    return Path(os.fsdecode(storage.place), run["folder"]) if storage is not None and isinstance(run, dict) else None


def remove_run_folder(folder: Path) -> None:
    """Delete the folder of a run, and the parent folders that are empty then."""
    if not RUN_FOLDER_PATTERN.fullmatch(folder.name):
        raise ValueError(f'"{folder}" is no folder of a run')
    shutil.rmtree(folder, ignore_errors=True)
    for above in (folder.parent, folder.parent.parent):
        try:
            above.rmdir()
        except OSError:
            return


def describe_full_disk(folder: Path) -> str | None:
    """Say that there is no room for a rendition in its folder, and what to do; None while there is."""
    try:
        if shutil.disk_usage(folder).free >= MIN_RENDITION_ROOM_BYTES:
            return None
    except OSError:
        return None
    return f'the disk of "{folder.parent}" is full: make room there, or move renditions to another storage'


def allocate_rendition_path(session: Session, asset_id: uuid.UUID, name: str) -> RenditionPath:
    """Allocate a path for a new file of this asset, in a folder of its own."""
    storage = find_proxy_storage(session)
    # The end of a UUIDv7 is random, its beginning is the time.
    run = new_id().hex[-12:]
    return RenditionPath(storage.id, storage.place, (asset_id.hex[-2:], str(asset_id), run), name)


def build_rendition_name(title: str, profile: str, extension: str) -> str:
    """Return the file name of a rendition, readable for people who find it on disk."""
    stem = escape_surrogates(title).replace("/", "_").lstrip(".").strip() or "untitled"
    while len(stem.encode()) > MAX_RENDITION_NAME_BYTES:
        stem = stem[:-1]
    return f"{stem}.{profile}.{extension}"


def find_proxy_storage(session: Session) -> Storage:
    """Return the storage for renditions; one in the media folder is created if there is none."""
    proxies = select(Storage).where(Storage.purpose == PURPOSE_PROXIES, Storage.status == StorageStatus.ACTIVE)
    others = session.scalars(proxies.where(Storage.root != MEDIA_FOLDER_STORAGE_ROOT).order_by(Storage.id)).all()
    if others:
        return others[0]
    # Serialises the creation: two workers would otherwise add the storage twice.
    session.execute(select(func.pg_advisory_xact_lock(PROXY_STORAGE_LOCK)))
    found = session.scalar(proxies.where(Storage.root == MEDIA_FOLDER_STORAGE_ROOT))
    if found is None:
        taken = session.scalar(select(Storage.id).where(Storage.name == MEDIA_FOLDER_STORAGE_NAME))
        name = MEDIA_FOLDER_STORAGE_NAME if taken is None else f"{MEDIA_FOLDER_STORAGE_NAME} {new_id().hex[-6:]}"
        found = Storage(
            name=name,
            root=MEDIA_FOLDER_STORAGE_ROOT,
            purpose=PURPOSE_PROXIES,
            description="made by Tapeless in its media folder",
        )
        session.add(found)
        session.flush()
    return found


def find_rendition_folder_fault(sessions: Sessions) -> str | None:
    """Return why this process must not write renditions: it has not the folder that all others have. Else None."""
    return find_rendition_storage_fault(sessions, transact(sessions, find_proxy_storage))


def ensure_folder_rows(session: Session, place: RenditionPath) -> int:
    """Insert the rows of a path's folders if missing; return the id of the last one."""
    parent = session.execute(UPSERT_FOLDER, {"storage": place.storage_id, "parent": None, "name": b""}).scalar_one()
    for name in place.folders:
        asked = {"storage": place.storage_id, "parent": parent, "name": name.encode()}
        parent = session.execute(UPSERT_FOLDER, asked).scalar_one()
    return int(parent)


def is_run_registered(session: Session, storage_id: uuid.UUID, run: str) -> bool:
    """Return whether a row names the folder of a run."""
    named = select(Folder.id).where(Folder.storage_id == storage_id, Folder.name == run.encode())
    return session.scalar(named.limit(1)) is not None


def list_old_runs(root: Path, min_age_seconds: float) -> Iterator[Path]:
    """List folders of runs that are older than this."""
    before = time.time() - min_age_seconds
    for run in root.glob("??/*/*"):
        is_linked = any(folder.is_symlink() for folder in (run, run.parent, run.parent.parent))
        if not is_linked and run.is_dir() and run.stat().st_mtime < before:
            yield run
