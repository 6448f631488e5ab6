"""The floor for pipeline benchmarks: a straight-line program in one process, no watcher, no queue, no crash safety.

It walks the tree, groups by one regex and one dict, and writes by COPY what the pipeline writes: rows of files, assets,
formats, file sets, components, memberships and history into tables with the keys, foreign keys and indexes that those
of the product had in revision 5990af3 (floor_schema.sql; without the marks of the index queue, for it knows what it
wrote), and each asset's search document with the same tokens. One transaction, so that it waits for the disk once.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.stage.system import tree_cpu_seconds
from models.catalog.asset import Asset, Component, FileSet, FileSetFile, Format
from models.catalog.file import File
from models.catalog.history import History
from models.core.base import new_id
from models.core.sessions import make_engine, make_sessions
from models.core.statements import copy_rows, psycopg_connection
from models.queues.index_mark import SearchDocument
from search.document import format_date_term
from search.postgres.writer import build_tsvector
from search.query.analysis import text_sort_key
from workers.embedded.postgres import EmbeddedPostgres

DATABASE = "floor"
NAME = re.compile(
    r"(?P<base>.+?)(?P<part>_[LR]|_cam[A-C]|_[VA]\d|\.en|\.de)?(?P<rendition>_h264)?(?:\.(?P<frame>\d+))?\.(?P<ext>\w+)"
)
SIDECARS = frozenset({"xml", "xmp"})
SCHEMA = Path(__file__).with_name("floor_schema.sql")
INSERT_STORAGE = text("INSERT INTO storage (id, name, root) VALUES (:id, 'floor', :root)")
INSERT_FOLDERS = text("""
    INSERT INTO folder (storage_id, name) SELECT :storage, unnest(CAST(:names AS bytea[])) RETURNING id, name
""")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as the walk saw it."""

    id: uuid.UUID
    folder: str
    name: str
    status: os.stat_result


@dataclass(slots=True)
class Floor:
    """Seconds of the floor program by step, and its results."""

    assets: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    """Processor time of this process and of PostgreSQL."""

    @property
    def total(self) -> float:
        """Seconds of all steps."""
        return sum(self.seconds.values())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


Groups = dict[tuple[str, str], dict[str, list[Entry]]]
"""Files by role, by folder and base name."""


def measure_floor(tree: Path, folder: Path) -> Floor:
    """Run the straight line over `tree`, on a PostgreSQL of its own in `folder` with our configuration."""
    server = EmbeddedPostgres(folder / "floor")
    server.start()
    try:
        server.create_database(DATABASE)
        engine = make_engine(server.url(DATABASE))
        with make_sessions(engine)() as session:
            psycopg_connection(session).execute(SCHEMA.read_bytes())
            session.commit()
            pid = server.pid or 0
            before = time.process_time() + tree_cpu_seconds(pid)
            floor = run_floor(session, tree)
            floor.cpu_seconds = time.process_time() + tree_cpu_seconds(pid) - before
        engine.dispose()
    finally:
        server.stop()
    return floor


def run_floor(session: Session, tree: Path) -> Floor:
    """Walk, group, write rows, write documents, commit."""
    floor = Floor()
    with floor.step("walk"):
        entries = list(walk(str(tree)))
    with floor.step("group"):
        groups = group(entries)
    floor.assets = len(groups)
    with floor.step("rows"):
        storage_id = new_id()
        write_files(session, storage_id, tree, entries)
        documents = write_assets(session, storage_id, groups)
    with floor.step("documents"):
        columns = ["object_type", "object_id", "revision", "title", "title_key", "date_created", "tokens", "terms"]
        copy_rows(session, SearchDocument, [*columns, "readers", "body"], documents)
        session.commit()
    return floor


def walk(tree: str) -> Iterator[Entry]:
    """Every file below `tree`; folders are relative to it."""
    waiting = [tree]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    yield Entry(new_id(), folder[len(tree) + 1 :], entry.name, entry.stat())


def group(entries: Iterable[Entry]) -> Groups:
    """One regex and one dict."""
    groups: Groups = {}
    for entry in entries:
        match = NAME.fullmatch(entry.name)
        if match is None:
            continue
        home = entry.folder.removesuffix("/proxy")
        if match["ext"] in SIDECARS:
            role = "sidecar"
        else:
            role = "transcode" if match["rendition"] or home != entry.folder else "original"
        groups.setdefault((home, match["base"]), {}).setdefault(role, []).append(entry)
    return groups


def write_files(session: Session, storage_id: uuid.UUID, tree: Path, entries: list[Entry]) -> None:
    """Rows of the storage, its folders and its files."""
    session.execute(INSERT_STORAGE, {"id": storage_id, "root": str(tree).encode()})
    names = [folder.encode() for folder in {entry.folder for entry in entries}]
    rows = session.execute(INSERT_FOLDERS, {"storage": storage_id, "names": names})
    ids = {bytes(row.name).decode(): row.id for row in rows}
    columns = ["id", "folder_id", "name", "size", "mtime_ns", "device", "inode", "status", "seen", "content_seen"]
    copy_rows(session, File, [*columns, "media_class"], (file_row(entry, ids[entry.folder]) for entry in entries))


def file_row(entry: Entry, folder_id: int) -> tuple[Any, ...]:
    """The row of one file."""
    status = entry.status
    identity = (entry.id, folder_id, entry.name.encode(), status.st_size, status.st_mtime_ns)
    return (*identity, status.st_dev, status.st_ino, "CLOSED", 1, 1, "")


def write_assets(session: Session, storage_id: uuid.UUID, groups: Groups) -> list[tuple[Any, ...]]:
    """Rows of assets and what they are made of; gives the rows of their documents."""
    assets, formats, sets, components, members, history, documents = ([] for _ in range(7))
    for (folder, base), roles in groups.items():
        asset_id = new_id()
        assets.append((asset_id, base))
        history.append((new_id(), asset_id, asset_id, "VERSION_CREATE", f"Created from {base}.", "floor"))
        for role, entries in roles.items():
            format_id, set_id = new_id(), new_id()
            names = "\n".join(entry.name for entry in entries[:1000])
            size = sum(entry.status.st_size for entry in entries)
            formats.append((format_id, asset_id, asset_id, role.upper(), role, "single"))
            place = (storage_id, entries[0].name, folder)
            sets.append((set_id, asset_id, format_id, asset_id, *place, len(entries), size, names))
            components.append((new_id(), format_id, set_id, "video", "VIDEO"))
            members += [(entry.id, set_id) for entry in entries]
        documents.append(document_row(asset_id, folder, base, roles))
    copy_rows(session, Asset, ["id", "title"], assets)
    copy_rows(session, Format, ["id", "asset_id", "version_id", "name", "role", "structure"], formats)
    columns = ["id", "asset_id", "format_id", "version_id", "storage_id", "name", "base_dir", "file_count"]
    copy_rows(session, FileSet, [*columns, "size_bytes", "names"], sets)
    copy_rows(session, Component, ["id", "format_id", "file_set_id", "name", "type"], components)
    copy_rows(session, FileSetFile, ["file_id", "file_set_id"], members)
    columns = ["id", "asset_id", "version_id", "operation_type", "operation_description", "actor"]
    copy_rows(session, History, columns, history)
    return documents


def document_row(asset_id: uuid.UUID, folder: str, base: str, roles: dict[str, list[Entry]]) -> tuple[Any, ...]:
    """A document of the same fields as the pipeline's; of a sequence the first and the last name, as there."""
    names = [name for files in roles.values() for name in {files[0].name, files[-1].name}]
    count = sum(map(len, roles.values()))
    terms = {"title": [base], "status": ["ACTIVE"], "type": ["ASSET"], "media_type": ["video"], "file_count": [count]}
    now = datetime.now(UTC)
    terms |= {"format": [role.upper() for role in roles], "is_online": [True], "date_created": [format_date_term(now)]}
    body = {"status": "ACTIVE", "type": "ASSET", "media_type": "video", "file_count": count}
    body["formats"] = [{"name": role, "kind": role, "files": [files[0].name]} for role, files in roles.items()]
    texts = {"title": base, "file_names": "\n".join(names), "path": folder}
    return (
        *("assets", asset_id, 1, base, text_sort_key(base), now, build_tsvector(texts)),
        *(json.dumps(terms), "{}", json.dumps(body)),
    )
