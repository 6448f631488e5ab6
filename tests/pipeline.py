"""The pipeline without its processes: the real watcher, the real tasks and a real database, stepped by the test."""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog.asset import Asset, FileSet, FileSetFile, Format
from models.catalog.file import File, FileStatus, Folder
from models.catalog.history import History
from models.catalog.storage import Storage
from models.core.sessions import Sessions, make_sessions, transact
from models.core.timing import Timing
from models.queues.island import Island
from models.queues.island_dispatch import dispatch_islands
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from services.ingest.run import ingest_islands
from services.ingest_effects import INGEST_EFFECTS
from services.operations.asset_report import build_asset_report, find_asset_by_word
from services.operations.check_result import CheckResult, VerifyContext
from services.operations.explain import explain_path, find_file_row
from services.operations.invariants import check_invariants
from services.operations.status import SystemStatus, read_status
from services.storages.storages import find_storage_by_name
from tests.engines import open_engine
from tests.waiting import wait_until
from watch.disk.clock import Clock
from watch.disk.config import load_watched_storages
from watch.storage_watcher import StorageWatcher

FAST = Timing(close_seconds=0.05, debounce_seconds=0.0, max_debounce_seconds=0.2, growth_seconds=0.1, lease_seconds=5.0)
SETTINGS = {"growing_files_threshold": 0.1, "scan_interval_seconds": 0.1}


@dataclass(slots=True)
class Pipeline:
    """One storage, watched and ingested on demand."""

    root: Path
    sessions: Sessions
    timing: Timing = FAST
    notified: list[tuple[str, Sequence[int]]] = field(default_factory=list)
    watcher: StorageWatcher | None = None
    clock: Clock = field(default_factory=Clock)
    excluded: frozenset[bytes] = frozenset()
    """Folders of our own, which are never entered."""

    @property
    def media_folder(self) -> Path:
        """Where previews are stored."""
        return self.root.parent / "media"

    def add_storage(self, name: str = "Rushes", **settings: Any) -> None:
        with self.sessions.begin() as session:
            session.add(Storage(name=name, root=str(self.root).encode(), settings=SETTINGS | settings))

    def change_settings(self, **settings: Any) -> None:
        """Give the storage other settings, for the next watcher."""
        with self.sessions.begin() as session:
            storage = find_storage_by_name(session, "Rushes")
            storage.settings = storage.settings | settings

    def watch(self) -> StorageWatcher:
        """A watcher of the one storage; a second call gives a new one, as after a restart."""
        if self.watcher is not None:
            self.watcher.close()
        (storage,) = (each for each in load_watched_storages(self.sessions) if each.root == os.fsencode(self.root))
        self.watcher = StorageWatcher(storage, self.sessions, self.timing, self.clock, self.excluded)
        self.watcher.open()
        return self.watcher

    def notify(self, task: str, ids: Sequence[int]) -> None:
        self.notified.append((task, ids))

    def ingest(self) -> int:
        """Dispatch the due islands and ingest them synchronously."""
        batches = transact(self.sessions, lambda session: dispatch_islands(session, self.timing))
        return sum(ingest_islands(self.sessions, batch, self.timing, self.notify, INGEST_EFFECTS) for batch in batches)

    def step(self) -> None:
        """One round of the watcher, and ingest what it made due."""
        if self.watcher is None:
            self.watch()
        self.watcher.step()
        self.ingest()

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        """Step until the condition holds."""

        def holds() -> object:
            self.step()
            return condition()

        wait_until(holds, what=what, seconds=seconds, pauses=0)

    def is_settled(self) -> bool:
        """Whether a step of everything finds nothing more to do."""
        self.step()
        with self.sessions() as session:
            dirty = session.scalar(select(Island.id).where(Island.dirty_since.is_not(None)).limit(1))
            suspected = session.scalar(select(File.id).where(File.suspected_at.is_not(None)).limit(1))
        return dirty is None and suspected is None and self.watcher.is_at_rest

    def settle(self, seconds: float = 20.0) -> None:
        """Run until the database matches the disk: a full scan first, then the work that it found."""
        if self.watcher is None:
            self.watch()
        self.watcher.scan_now()
        wait_until(self.is_settled, what="the pipeline has nothing to do", seconds=seconds, pauses=0)

    def wait_until_quiet(self) -> None:
        """Settle, and go on until no island waits for an orphan's time or for a sequence to be quiet."""
        self.settle()
        self.wait_for(lambda: self.status().waiting_islands == 0, what="no island waits any more")

    def assets(self) -> list[dict[str, Any]]:
        """What is stored, in the form of `tapeless plan --json`, without what is missing."""
        with self.sessions() as session:
            return stored_assets(session)

    def titles(self) -> list[str]:
        """Titles of the assets that have files."""
        return sorted(asset["title"] for asset in self.assets())

    def ids(self) -> dict[str, uuid.UUID]:
        """Active assets by title."""
        with self.sessions() as session:
            return {row.title: row.id for row in session.scalars(select(Asset).where(Asset.status == "ACTIVE"))}

    def notes(self) -> list[str]:
        """What the file sets say of their members, by name."""
        with self.sessions() as session:
            return list(session.scalars(select(FileSet.note).order_by(FileSet.name)))

    def history(self, asset_id: uuid.UUID) -> list[str]:
        """What happened to an asset, the creation first."""
        with self.sessions() as session:
            rows = session.scalars(select(History).where(History.asset_id == asset_id).order_by(History.id))
            return [f"{row.operation_type.value}: {row.operation_description}" for row in rows]

    def show(self, word: str) -> dict[str, Any]:
        """An asset whole, by title or id."""
        with self.sessions() as session:
            return build_asset_report(session, find_asset_by_word(session, word))

    def storage(self, name: str = "Rushes") -> Storage:
        """The storage's row as it is now."""
        with self.sessions() as session:
            return find_storage_by_name(session, name)

    def file(self, path: str | bytes) -> File | None:
        """The row of a file below the root, or None."""
        with self.sessions() as session:
            return find_file_row(session, find_storage_by_name(session, "Rushes"), os.fsencode(path))

    def status_of(self, path: str | bytes) -> FileStatus | None:
        """The state of a file below the root, or None where it is not recorded."""
        row = self.file(path)
        return row.status if row is not None else None

    def status(self) -> SystemStatus:
        """The whole system in numbers."""
        with self.sessions() as session:
            return read_status(session)

    def explain(self, path: str | bytes) -> str:
        """All that is said of a path below the root."""
        with self.sessions() as session:
            said = explain_path(session, os.fsencode(self.root) + b"/" + os.fsencode(path), self.excluded)
        return "\n".join([said.path, said.state, *said.lines])

    def broken(self, repair: bool = False) -> list[str]:
        """What `tapeless verify` finds wrong, once everything is indexed; put back to work if asked."""
        findings = self.findings(repair).values()
        return [f"{found.name}: {sample}" for found in findings for sample in found.samples]

    def findings(self, repair: bool = False) -> dict[str, CheckResult]:
        """Every invariant by its name, once everything is indexed."""
        engine = PostgresEngine(self.sessions)
        drain_index_queue(self.sessions, engine, self.timing)
        audited = VerifyContext(self.sessions, engine, self.timing, self.media_folder, self.excluded)
        return {found.name: found for found in check_invariants(audited, repair)}


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
    with open_engine(database_url) as engine:
        pipeline = Pipeline(root, make_sessions(engine))
        try:
            yield pipeline
        finally:
            if pipeline.watcher is not None:
                pipeline.watcher.close()
