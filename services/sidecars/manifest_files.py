"""Files that a checksum manifest names, as rows: only below the folder of the manifest."""

import posixpath
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceFile
from models.core.paths import ancestor_paths
from models.core.statements import bind_columns

CHILD_FOLDERS = text("""
    SELECT child.id, child.parent_id, child.name FROM folder AS child
    JOIN unnest(CAST(:parents AS bigint[]), CAST(:names AS bytea[])) AS wanted (parent_id, name)
        ON child.parent_id = wanted.parent_id AND child.name = wanted.name
""")
ROOT_FOLDER = text("SELECT id FROM folder WHERE storage_id = :storage AND parent_id IS NULL")
FILES_IN_FOLDERS = text("""
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns FROM file
    JOIN unnest(CAST(:folders AS bigint[]), CAST(:names AS bytea[])) AS wanted (folder_id, name)
        ON file.folder_id = wanted.folder_id AND file.name = wanted.name
    WHERE file.status IN ('CLOSED', 'REDISCOVERED')
""")
ASC_MHL_FOLDER = b"ascmhl"
"""ASC MHL manifests are in a folder of their own, and name files relative to its parent folder."""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """An entry of a manifest."""

    list_name: str
    name: str
    """As written in the manifest."""
    algorithm: str
    expected: str
    size: int | None
    path: bytes
    """Relative to the root of the storage."""


@dataclass(frozen=True, slots=True)
class FileToVerify:
    """A manifest entry with its existing file."""

    listed: ManifestEntry
    file_id: uuid.UUID
    source: SourceFile


def parse_manifest_entries(source: SourceFile, entries: Iterable[Mapping[str, Any]]) -> list[ManifestEntry]:
    """Parse the entries of one manifest; names that lead out of the storage are ignored."""
    folder = source.path.rpartition(b"/")[0]
    if folder.rpartition(b"/")[2] == ASC_MHL_FOLDER:
        folder = folder.rpartition(b"/")[0]
    found = []
    for entry in entries:
        name = entry["path"].replace("\\", "/") if "/" not in entry["path"] else entry["path"]
        written = name.encode("utf-8", "surrogateescape")
        path = posixpath.normpath(posixpath.join(folder, written))
        if not path.startswith((b"/", b"../")) and path not in (b"..", b".") and b"\0" not in path:
            what = (entry["algorithm"], entry["digest"], entry["size"])
            found.append(ManifestEntry(source.name, entry["path"], *what, path))
    return found


def find_files_to_verify(
    session: Session, storage_id: uuid.UUID, root: bytes, listed: Sequence[ManifestEntry]
) -> list[FileToVerify]:
    """Find the files of these entries that exist and are complete."""
    folders = _folder_ids(session, storage_id, {one.path.rpartition(b"/")[0] for one in listed})
    places: dict[tuple[int, bytes], list[ManifestEntry]] = {}
    for one in listed:
        folder, _, name = one.path.rpartition(b"/")
        if folder in folders:
            places.setdefault((folders[folder], name), []).append(one)
    if not places:
        return []
    rows = session.execute(FILES_IN_FOLDERS, bind_columns(("folders", "names"), places))
    return [
        FileToVerify(one, row.id, SourceFile(root, one.path, row.size, row.mtime_ns))
        for row in rows
        for one in places[row.folder_id, bytes(row.name)]
    ]


def _folder_ids(session: Session, storage_id: uuid.UUID, paths: set[bytes]) -> dict[bytes, int]:
    """Find folders by path, level by level: one query per level of depth, even for a whole card."""
    top = session.scalar(ROOT_FOLDER, {"storage": storage_id})
    found: dict[bytes, int] = {b"": top} if top is not None else {}
    wanted = {above for path in paths for above in ancestor_paths(path)} - {b""}
    for depth in sorted({path.count(b"/") for path in wanted}):
        level = [path for path in wanted if path.count(b"/") == depth and path.rpartition(b"/")[0] in found]
        if not level:
            break
        by_place = {(found[path.rpartition(b"/")[0]], path.rpartition(b"/")[2]): path for path in level}
        for row in session.execute(CHILD_FOLDERS, bind_columns(("parents", "names"), by_place)):
            found[by_place[row.parent_id, bytes(row.name)]] = row.id
    return found
