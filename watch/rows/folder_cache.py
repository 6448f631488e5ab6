"""Cache of one storage's folder rows by path: resolving a path in the database would walk its parents."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.catalog.file import Folder
from models.core.paths import ancestor_paths, base_name, display_path, join_path, parent_path
from models.core.sessions import Sessions, transact
from models.core.statements import AnyRow
from models.queues.island import Island, insert_islands

# The DO UPDATE changes nothing; it makes RETURNING include rows that another transaction has inserted (xmax <> 0).
INSERT_FOLDERS = text("""
    INSERT INTO folder (storage_id, parent_id, name)
    SELECT :storage_id, parent_id, name
    FROM unnest(CAST(:parents AS bigint[]), CAST(:names AS bytea[])) AS t (parent_id, name)
    ON CONFLICT (storage_id, parent_id, name) DO UPDATE SET name = excluded.name
    RETURNING id, parent_id, name, island_id, xmax = 0 AS is_new
""")

UPDATE_FOLDER_ISLANDS = text("""
    UPDATE folder SET island_id = t.island_id
    FROM unnest(CAST(:folders AS bigint[]), CAST(:islands AS bigint[])) AS t (id, island_id) WHERE folder.id = t.id
""")


@dataclass(slots=True)
class KnownFolder:
    """Folder row and the result of the last walk over it."""

    id: int
    path: bytes
    island_id: int | None = None
    digest: bytes | None = None
    error: str | None = None
    walk: int = 0
    """Number of the last walk that saw it; a folder that the newest walk did not see is gone."""
    is_new: bool = False
    """True if its row was just inserted, so that no file of it can have a row and none needs to be looked up."""

    def require_island(self) -> int:
        """Return the id of its island, which every folder has once islands were assigned."""
        if self.island_id is None:
            raise ValueError(f'folder "{display_path(self.path)}" is in no island: islands were not assigned')
        return self.island_id


class FolderCache:
    """Folders of one storage by path and by id; inserts rows in its own transactions, before files refer to them."""

    def __init__(self, storage_id: uuid.UUID, island_of: Callable[[bytes], bytes]) -> None:
        self.storage_id = storage_id
        self._island_of = island_of
        self.newest_walk = 0
        """A folder inserted during a walk counts as seen by it."""
        self._by_path: dict[bytes, KnownFolder] = {}
        self._by_id: dict[int, KnownFolder] = {}
        self._roots: dict[int, bytes] = {}

    def __iter__(self) -> Iterator[KnownFolder]:
        return iter(self._by_path.values())

    def get(self, path: bytes) -> KnownFolder | None:
        """Return the folder at `path`, or None if no file below it was ever recorded."""
        return self._by_path.get(path)

    def require(self, path: bytes) -> KnownFolder:
        """Return the folder at `path`; KeyError if it has no row."""
        return self._by_path[path]

    def by_id(self, folder_id: int) -> KnownFolder:
        """Return the folder with this id; KeyError if it belongs to another storage."""
        return self._by_id[folder_id]

    def root_of(self, folder: KnownFolder) -> bytes | None:
        """Return the path of the root folder of a folder's island."""
        return None if folder.island_id is None else self._roots.get(folder.island_id)

    def note_root(self, island_id: int, root: bytes) -> None:
        """Remember the root folder of an island."""
        self._roots[island_id] = root

    def load(self, session: Session) -> None:
        """Load all folders of the storage, parents first, and its islands."""
        rows = session.execute(
            select(Folder.id, Folder.parent_id, Folder.name, Folder.island_id, Folder.digest, Folder.error).where(
                Folder.storage_id == self.storage_id
            )
        ).all()
        children: dict[int | None, list[AnyRow]] = {}
        for row in rows:
            children.setdefault(row.parent_id, []).append(row)
        waiting = [(b"", row) for row in children.get(None, [])]
        while waiting:
            parent, row = waiting.pop()
            folder = KnownFolder(row.id, join_path(parent, row.name), row.island_id, row.digest, row.error)
            self._add(folder)
            waiting.extend((folder.path, child) for child in children.get(row.id, []))
        islands = select(Island.id, Island.folder_id).where(Island.storage_id == self.storage_id)
        for island_id, folder_id in session.execute(islands):
            self.note_root(island_id, self._by_id[folder_id].path)

    def ensure(self, sessions: Sessions, paths: Iterable[bytes]) -> None:
        """Insert missing rows for the folders at `paths`, their ancestors and their islands."""
        wanted = {ancestor for path in paths if path not in self._by_path for ancestor in ancestor_paths(path)}
        new = sorted(path for path in wanted if path not in self._by_path)
        if new:
            for folder in transact(sessions, lambda session: self._insert(session, new)):
                folder.walk = self.newest_walk
                self._add(folder)

    def _insert(self, session: Session, paths: list[bytes]) -> list[KnownFolder]:
        made: dict[bytes, KnownFolder] = {}
        # Level by level, because children need the ids of their parents.
        for depth in sorted({self._depth(path) for path in paths}):
            level = [path for path in paths if self._depth(path) == depth]
            made.update(self._insert_level(session, level, made))
        self._insert_islands(session, made)
        return list(made.values())

    def _insert_level(
        self, session: Session, level: list[bytes], made: dict[bytes, KnownFolder]
    ) -> dict[bytes, KnownFolder]:
        parents = {path: self._parent_id(path, made) for path in level}
        rows = session.execute(
            INSERT_FOLDERS,
            {
                "storage_id": self.storage_id,
                "parents": list(parents.values()),
                "names": [base_name(path) for path in level],
            },
        )
        paths = {(parents[path], base_name(path)): path for path in level}
        return {
            path: KnownFolder(row.id, path, row.island_id, is_new=row.is_new)
            for row in rows
            if (path := paths[row.parent_id, bytes(row.name)]) is not None
        }

    def _insert_islands(self, session: Session, made: dict[bytes, KnownFolder]) -> None:
        homes = {path: self._island_of(path) for path in made}
        roots = {home: (made.get(home) or self._by_path[home]).id for home in homes.values()}
        islands = insert_islands(session, self.storage_id, set(roots.values()))
        for path, home in homes.items():
            made[path].island_id = islands[roots[home]]
            self.note_root(islands[roots[home]], home)
        set_folder_islands(session, {folder.id: folder.require_island() for folder in made.values()})

    def _parent_id(self, path: bytes, made: dict[bytes, KnownFolder]) -> int | None:
        if not path:
            return None
        parent = parent_path(path)
        return (made.get(parent) or self._by_path[parent]).id

    def _add(self, folder: KnownFolder) -> None:
        self._by_path[folder.path] = folder
        self._by_id[folder.id] = folder

    @staticmethod
    def _depth(path: bytes) -> int:
        return path.count(b"/") + 1 if path else 0


def set_folder_islands(session: Session, islands: dict[int, int]) -> None:
    """Write the island of each folder, by folder id."""
    session.execute(UPDATE_FOLDER_ISLANDS, {"folders": list(islands), "islands": list(islands.values())})


def write_folder_digests(session: Session, folders: list[KnownFolder]) -> None:
    """Store the result of a walk over folders: the digest of the settled listing, or the error."""
    if folders:
        session.execute(
            update(Folder), [{"id": folder.id, "digest": folder.digest, "error": folder.error} for folder in folders]
        )
