"""Files that a checksum manifest names, as rows: anywhere on its storage, and nowhere else.

A manifest may be beside its files, above them, or in a folder of its own (`checksums/day1.md5` with `../Clips/…`),
as `md5sum -c` reads it. What it names outside of the storage is reported, and never opened.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceFile
from models.core.paths import ancestor_paths, base_name, join_path, parent_path
from models.core.statements import bind_columns
from services.sidecars.manifest_reader import ManifestEntry, generation_of, name_variants

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
FILES_OF_FOLDER = text("""
    SELECT file.name, file.size, file.mtime_ns FROM file
    WHERE file.folder_id = :folder AND file.status IN ('CLOSED', 'REDISCOVERED')
""")

FolderKey = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class FileToVerify:
    """An existing file with all that a manifest expects of it."""

    expected: tuple[ManifestEntry, ...]
    """More than one only where a manifest names the file several times, with different sums."""
    file_id: uuid.UUID
    source: SourceFile

    @property
    def list_name(self) -> str:
        """Name of the manifest."""
        return self.expected[0].list_name

    @property
    def name(self) -> str:
        """Name of the file as written in the manifest."""
        return self.expected[0].name

    @property
    def expected_text(self) -> str:
        """All expected digests, as one text; unlike any digest where they contradict each other."""
        return " and ".join(dict.fromkeys(one.expected for one in self.expected))


def find_files_to_verify(
    session: Session, storage_id: uuid.UUID, root: bytes, listed: Sequence[ManifestEntry]
) -> list[FileToVerify]:
    """Find the files of these entries that exist and are complete."""
    wanted = [path for path in {one.path for one in listed} if path is not None]
    candidates = {path: list(dict.fromkeys((path, path.replace(b"\\", b"/")))) for path in wanted}
    found = _find_files(session, storage_id, {one for some in candidates.values() for one in some})
    by_file: dict[tuple[uuid.UUID, str], list[ManifestEntry]] = {}
    sources: dict[uuid.UUID, SourceFile] = {}
    for one in dict.fromkeys(listed):
        match = next((found[path] for path in candidates.get(one.path or b"", ()) if path in found), None)
        if match is not None:
            file_id, path, size, mtime_ns = match
            sources[file_id] = SourceFile(root, path, size, mtime_ns)
            by_file.setdefault((file_id, one.list_name), []).append(one)
    return [FileToVerify(tuple(some), file_id, sources[file_id]) for (file_id, _), some in by_file.items()]


def find_later_generations(session: Session, storage_id: uuid.UUID, manifest: SourceFile) -> list[SourceFile]:
    """Return the manifests of the same ASC MHL history that were written after one, in their order."""
    generation, folder = generation_of(manifest.path), parent_path(manifest.path)
    if generation is None or folder not in (folders := _folder_ids(session, storage_id, {folder})):
        return []
    rows = session.execute(FILES_OF_FOLDER, {"folder": folders[folder][0]})
    beside = [SourceFile(manifest.root, join_path(folder, bytes(row.name)), row.size, row.mtime_ns) for row in rows]
    numbered = [(number, one) for one in beside if (number := generation_of(one.path)) is not None]
    return [one for number, one in sorted(numbered, key=lambda pair: pair[0]) if number > generation]


def _find_files(
    session: Session, storage_id: uuid.UUID, paths: Iterable[bytes]
) -> dict[bytes, tuple[uuid.UUID, bytes, int, int]]:
    """Return id, path on disk, size and time of the files at these paths, by path as written."""
    paths = list(paths)
    folders = _folder_ids(session, storage_id, {parent_path(path) for path in paths})
    names = {
        path: [(folders[folder][0], name) for name in name_variants(base_name(path))]
        for path in paths
        if (folder := parent_path(path)) in folders
    }
    if not names:
        return {}
    keys = {key for some in names.values() for key in some}
    rows = session.execute(FILES_IN_FOLDERS, bind_columns(("folders", "names"), keys))
    there = {(row.folder_id, bytes(row.name)): (row.id, row.size, row.mtime_ns) for row in rows}
    found = {}
    for path, some in names.items():
        key = next((key for key in some if key in there), None)
        if key is not None:
            file_id, size, mtime_ns = there[key]
            found[path] = (file_id, join_path(folders[parent_path(path)][1], key[1]), size, mtime_ns)
    return found


def _folder_ids(session: Session, storage_id: uuid.UUID, paths: set[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Find folders by path, level by level: one query per level of depth, even for a whole card.

    Returns the id and the path on disk of each, by path as written.
    """
    top = session.scalar(ROOT_FOLDER, {"storage": storage_id})
    found: dict[bytes, tuple[int, bytes]] = {b"": (top, b"")} if top is not None else {}
    wanted = {above for path in paths for above in ancestor_paths(path)} - {b""}
    for depth in sorted({path.count(b"/") for path in wanted}):
        level = [path for path in wanted if path.count(b"/") == depth and parent_path(path) in found]
        if not level:
            break
        keys: dict[bytes, list[FolderKey]] = {
            path: [(found[parent_path(path)][0], name) for name in name_variants(base_name(path))] for path in level
        }
        asked = {key for some in keys.values() for key in some}
        rows = session.execute(CHILD_FOLDERS, bind_columns(("parents", "names"), asked))
        there: Mapping[FolderKey, int] = {(row.parent_id, bytes(row.name)): row.id for row in rows}
        for path, some in keys.items():
            key = next((key for key in some if key in there), None)
            if key is not None:
                found[path] = (there[key], join_path(found[parent_path(path)][1], key[1]))
    return found
