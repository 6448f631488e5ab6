"""The pipeline without its processes: the real watcher, the real tasks and a real database, stepped by the test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.asset import Asset, FileSet, FileSetFile, Format
from models.file import File, Folder
from models.island import Island
from models.sessions import Sessions, make_engine, make_sessions, transact
from models.storage import Storage
from models.timing import Timing
from tasks.ingest import ingest_islands
from tests.waiting import wait_until
from watch.clock import Clock
from watch.dispatch import hand_out
from watch.storage_watcher import StorageWatcher, watched_storages

FAST = Timing(close_seconds=0.05, quiet_seconds=0.0, dirty_seconds=0.2, growth_seconds=0.1, lease_seconds=5.0)
SETTINGS = {"growing_files_threshold": 0.1, "scan_interval_seconds": 0.1}


@dataclass(slots=True)
class Pipeline:
    """One storage, watched and ingested on demand."""

    root: Path
    sessions: Sessions
    timing: Timing = FAST
    rung: list[tuple[str, Sequence[int]]] = field(default_factory=list)
    watcher: StorageWatcher | None = None

    def add_storage(self, name: str = "Rushes", **settings: Any) -> None:
        with self.sessions.begin() as session:
            session.add(Storage(name=name, root=str(self.root).encode(), settings=SETTINGS | settings))

    def watch(self) -> StorageWatcher:
        """A watcher of the one storage; a second call gives a new one, as after a restart."""
        if self.watcher is not None:
            self.watcher.close()
        (storage,) = watched_storages(self.sessions)
        self.watcher = StorageWatcher(storage, self.sessions, self.timing, Clock(), frozenset())
        self.watcher.open()
        return self.watcher

    def ring(self, task: str, ids: Sequence[int]) -> None:
        self.rung.append((task, ids))

    def ingest(self) -> int:
        """Hand out what is due and ingest it here and now."""
        batches = transact(self.sessions, lambda session: hand_out(session, self.timing))
        return sum(ingest_islands(self.sessions, batch, self.timing, self.ring) for batch in batches)

    def is_settled(self) -> bool:
        """Whether a step of everything finds nothing more to do."""
        self.watcher.step()
        self.ingest()
        with self.sessions() as session:
            dirty = session.scalar(select(Island.id).where(Island.dirty_since.is_not(None)).limit(1))
            suspected = session.scalar(select(File.id).where(File.suspected_at.is_not(None)).limit(1))
        return dirty is None and suspected is None and self.watcher.is_at_rest

    def settle(self, seconds: float = 20.0) -> None:
        """Run until the rows say what the disk says: a whole walk first, then whatever it found."""
        if self.watcher is None:
            self.watch()
        self.watcher.scan_now()
        wait_until(self.is_settled, what="the pipeline has nothing to do", seconds=seconds)

    def assets(self) -> list[dict[str, Any]]:
        """What is stored, in the form of `tapeless group --json`, without what is missing."""
        with self.sessions() as session:
            return stored_assets(session)


def stored_assets(session: Session) -> list[dict[str, Any]]:
    """Active assets with present files, as the dry run would print them."""
    rows = session.execute(
        select(Asset.title, Asset.id, Format.id, Format.role, Format.structure, File.folder_id, File.name)
        .join(Format, Format.asset_id == Asset.id)
        .join(FileSet, FileSet.format_id == Format.id)
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .join(File, File.id == FileSetFile.file_id)
        .where(Asset.status == "ACTIVE", File.status != "MISSING")
    ).all()
    folders = folder_paths(session)
    found: dict[Any, dict[str, Any]] = {}
    for title, asset_id, format_id, role, structure, folder_id, name in rows:
        asset = found.setdefault(asset_id, {"title": title, "formats": {}, "sidecars": []})
        path = "/".join(filter(None, (folders[folder_id], name.decode("utf-8", "backslashreplace"))))
        if role == "sidecar":
            asset["sidecars"].append(path)
        else:
            kind = "transcode" if role == "transcode" else structure
            asset["formats"].setdefault(format_id, {"kind": kind, "files": []})["files"].append(path)
    return sorted((in_order(asset) for asset in found.values()), key=first_path)


def in_order(asset: dict[str, Any]) -> dict[str, Any]:
    formats = [{"kind": f["kind"], "files": sorted(f["files"], key=str.encode)} for f in asset["formats"].values()]
    formats.sort(key=lambda f: (f["kind"] == "transcode", f["files"][0].encode()))
    return {"title": asset["title"], "formats": formats, "sidecars": sorted(asset["sidecars"], key=str.encode)}


def first_path(asset: dict[str, Any]) -> bytes:
    return min(path.encode() for part in asset["formats"] for path in part["files"])


def folder_paths(session: Session) -> dict[int, str]:
    rows = {row.id: row for row in session.scalars(select(Folder))}

    def path(folder: Folder) -> str:
        if folder.parent_id is None:
            return ""
        head = path(rows[folder.parent_id])
        return "/".join(filter(None, (head, folder.name.decode("utf-8", "backslashreplace"))))

    return {folder_id: path(folder) for folder_id, folder in rows.items()}


@contextmanager
def open_pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """A pipeline with one storage on `root`; its engine is closed at the end."""
    engine = make_engine(database_url)
    pipeline = Pipeline(root, make_sessions(engine))
    try:
        yield pipeline
    finally:
        if pipeline.watcher is not None:
            pipeline.watcher.close()
        engine.dispose()
