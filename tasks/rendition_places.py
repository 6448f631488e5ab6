"""Where renditions lie: on a storage for proxies, or in the media folder where there is none.

Each run writes into a folder of its own, under a hidden name first; a row names the file only once it is whole. So a
rendition that is made anew never harms who is watching the old one, and what a killed run left behind is known by its
folder, which no row names.
"""

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

from models.base import new_id
from models.file import Folder
from models.paths import clean_text
from models.storage import PROXIES, Storage, StorageStatus

OWN_NAME = "Renditions"
LONGEST_NAME = 180
SPARED_SECONDS = 24 * 3600.0
"""A folder this young may belong to a run that goes on; longer than any rendition takes."""
RUN = re.compile("[0-9a-f]{12}")
ADD_LOCK = 7_411_033

FOLDER = text("""
    INSERT INTO folder (storage_id, parent_id, name) VALUES (:storage, :parent, :name)
    ON CONFLICT (storage_id, parent_id, name) DO UPDATE SET name = excluded.name RETURNING id
""")


@dataclass(frozen=True, slots=True)
class Place:
    """A file that will be, below the root of a storage."""

    storage_id: uuid.UUID
    root: bytes
    """As this machine has it."""
    folders: tuple[str, ...]
    name: str

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return Path(os.fsdecode(self.root), *self.folders)

    @property
    def draft(self) -> Path:
        """The file while it is written."""
        return self.folder / f".{self.name}.part"

    @property
    def path(self) -> Path:
        """The file once it is whole."""
        return self.folder / self.name

    def open_draft(self) -> int:
        """The draft, open for writing and reading; nobody else's file can be under its name."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.draft, flags, 0o644)

    def publish(self) -> os.stat_result:
        """Give the draft its name; gives what it is then."""
        self.draft.rename(self.path)
        return self.path.stat()

    def remove(self) -> None:
        """Remove the run's folder with whatever is in it."""
        remove_run(self.folder)


def remove_run(folder: Path) -> None:
    """Remove the folder of a run, and the folders above it that are empty now."""
    if not RUN.fullmatch(folder.name):
        raise ValueError(f'"{folder}" is no folder of a run')
    shutil.rmtree(folder, ignore_errors=True)
    for above in (folder.parent, folder.parent.parent):
        try:
            above.rmdir()
        except OSError:
            return


def place_for(session: Session, asset_id: uuid.UUID, name: str, media_folder: Path) -> Place:
    """A place for a new file of this asset, in a folder that nothing else is in."""
    storage = find_proxy_storage(session, media_folder)
    run = new_id().hex[-12:]
    # The end of a UUIDv7 is random, its beginning the time.
    return Place(storage.id, storage.place, (asset_id.hex[-2:], str(asset_id), run), name)


def file_name(title: str, profile: str, extension: str) -> str:
    """The name of a rendition, for people who find it on a disk."""
    stem = clean_text(title).replace("/", "_").lstrip(".").strip() or "untitled"
    while len(stem.encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}.{profile}.{extension}"


def find_proxy_storage(session: Session, media_folder: Path) -> Storage:
    """The storage that renditions are written to; one in the media folder is made where there is none."""
    proxies = select(Storage).where(Storage.purpose == PROXIES, Storage.status == StorageStatus.ACTIVE)
    own = os.fsencode(media_folder / "renditions")
    others = session.scalars(proxies.where(Storage.root != own).order_by(Storage.id)).all()
    if others:
        return others[0]
    session.execute(select(func.pg_advisory_xact_lock(ADD_LOCK)))
    found = session.scalar(proxies.where(Storage.root == own))
    if found is None:
        taken = session.scalar(select(Storage.id).where(Storage.name == OWN_NAME))
        name = OWN_NAME if taken is None else f"{OWN_NAME} {new_id().hex[-6:]}"
        found = Storage(name=name, root=own, purpose=PROXIES, description="made by Tapeless in its media folder")
        session.add(found)
        session.flush()
    return found


def ensure_folders(session: Session, place: Place) -> int:
    """The rows of a place's folders; gives the last one's id."""
    parent = session.execute(FOLDER, {"storage": place.storage_id, "parent": None, "name": b""}).scalar_one()
    for name in place.folders:
        asked = {"storage": place.storage_id, "parent": parent, "name": name.encode()}
        parent = session.execute(FOLDER, asked).scalar_one()
    return int(parent)


def is_named(session: Session, storage_id: uuid.UUID, run: str) -> bool:
    """Whether a row names the folder of a run."""
    named = select(Folder.id).where(Folder.storage_id == storage_id, Folder.name == run.encode())
    return session.scalar(named.limit(1)) is not None


def old_runs(root: Path, spared_seconds: float) -> Iterator[Path]:
    """Folders of runs that are not young."""
    before = time.time() - spared_seconds
    for shard in _folders(root):
        for asset in _folders(shard) if len(shard.name) == 2 else ():
            for run in _folders(asset):
                if run.stat().st_mtime < before:
                    yield run


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            return [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
